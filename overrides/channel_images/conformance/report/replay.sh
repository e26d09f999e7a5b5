#!/usr/bin/env bash
# Asks the server again for each violation of a report of `channel-images check`, and says whether it still shows.
# It needs curl and jq, and the token in CHANNEL_IMAGES_TOKEN (that of the other user in CHANNEL_IMAGES_OTHER_TOKEN).
#
#   bash replay.sh            all violations
#   bash replay.sh paging     those whose number, rule, operation or relation has this in it
#
# CHANNEL_IMAGES_URL names another server than that of the report. Exit code: 0 none shows, 1 one shows, 2 cannot tell.
set -u

URL=${CHANNEL_IMAGES_URL:-@URL@}
URL=${URL%/}
TOKEN=${CHANNEL_IMAGES_TOKEN:-}
OTHER_TOKEN=${CHANNEL_IMAGES_OTHER_TOKEN:-}
export URL TOKEN OTHER_TOKEN
only=${1:-}
shows=0 gone=0 unknown=0

get() { curl -gsS --path-as-is --max-time 120 "$@"; }
code() { get -o /dev/null -w '%{http_code}' "$@"; }
head_of() { get -o /dev/null -D - "$@"; }
value() { tr -d '\r' | sed -n "s/^$1: *//Ip" | tail -n 1; }

answers() { # whether the server answers, and without a server error
  case $(code "$@") in 000 | 5??) return 1 ;; esac
}

again() { # N COMMAND: runs the command up to N times, as long as it succeeds
  for _ in $(seq "$1"); do eval "$2" || return 1; done
}

violation() { # NUMBER WHAT, with a function shows_NUMBER that succeeds while it shows
  local what
  printf -v what '%3d  %s' "$1" "$2"
  case $what in *"$only"*) ;; *) return ;; esac
  ("shows_$1") 2>/dev/null
  case $? in
    0) shows=$((shows + 1)) what="shows        $what" ;;
    2) unknown=$((unknown + 1)) what="cannot tell  $what" ;;
    *)
      if [ "$(code "$URL/" 2>/dev/null)" = 000 ]; then
        unknown=$((unknown + 1)) what="cannot tell  $what"
      else
        gone=$((gone + 1)) what="gone         $what"
      fi
      ;;
  esac
  printf '%s\n' "$what"
}

stop() {
  printf 'replay.sh: %s\n' "$1" >&2
  exit 2
}

for tool in curl jq; do
  command -v "$tool" >/dev/null || stop "$tool is not installed"
done
case $(code -H "Authorization: Token $TOKEN" "$URL@PATH@" 2>/dev/null) in
  000) stop "nothing answers at $URL" ;;
  401 | 403)
    [ -n "$TOKEN" ] || stop "set CHANNEL_IMAGES_TOKEN"
    stop "the token in CHANNEL_IMAGES_TOKEN is refused"
    ;;
esac

@VIOLATIONS@

printf '%d show, %d gone, %d cannot tell\n' "$shows" "$gone" "$unknown"
[ "$shows" -eq 0 ] || exit 1
[ "$unknown" -eq 0 ] || exit 2
