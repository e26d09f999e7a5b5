"use strict";
// The filter, whose state is in the fragment: "#family=paging&verdict=violated,warning&at=ANCHOR", or an anchor alone.
// Without a script the page shows everything, and no control.
(() => {
  const boxes = [...document.querySelectorAll(".filter input")];
  const entries = [...document.querySelectorAll("[data-family]")];
  const sections = [...document.querySelectorAll("main section")].filter((each) => each.querySelector("[data-family]"));
  const status = document.querySelector(".filter [role=status]");
  const reset = document.querySelector(".filter button");
  if (!boxes.length) return;

  const chosen = (name) => boxes.filter((box) => box.name === name && box.checked).map((box) => box.value);
  const choose = (isChosen) => boxes.forEach((box) => { box.checked = isChosen(box); });
  const isOff = (entry) => entry.classList.contains("off");

  function apply() {
    const families = chosen("family"), verdicts = chosen("verdict");
    for (const entry of entries) {
      const inFamily = !families.length || families.includes(entry.dataset.family);
      const hasVerdict = !verdicts.length || entry.dataset.verdict.split(" ").some((each) => verdicts.includes(each));
      entry.classList.toggle("off", !(inFamily && hasVerdict));
    }
    for (const section of sections)
      section.classList.toggle("off", [...section.querySelectorAll("[data-family]")].every(isOff));
    reset.hidden = !families.length && !verdicts.length;
    const counts = [["violations", "article"], ["rules", ".matrix [data-family]"]].map(([name, selector]) => {
      const all = entries.filter((entry) => entry.matches(selector));
      return all.length && `${all.filter((entry) => !isOff(entry)).length} of ${all.length} ${name}`;
    }).filter(Boolean);
    status.textContent = reset.hidden ? "All is shown." : `You see ${counts.join(" and ")}.`;
  }

  function remember(anchor) {
    const state = ["family", "verdict"].map((name) => [name, chosen(name).join(",")]).filter(([, values]) => values);
    if (state.length && anchor) state.push(["at", anchor]);
    const fragment = state.map((pair) => pair.join("=")).join("&") || anchor;
    history.replaceState(null, "", fragment ? `#${fragment}` : location.href.split("#")[0]);
  }

  function follow() {
    const fragment = location.hash.slice(1);
    const asked = new URLSearchParams(fragment);
    const isAnchor = fragment && !fragment.includes("=");
    // A link within the page leaves the filter as it is; Back and a link from elsewhere bring theirs.
    if (!isAnchor) choose((box) => (asked.get(box.name) ?? "").split(",").includes(box.value));
    apply();
    const anchor = isAnchor ? fragment : asked.get("at") ?? "";
    const target = document.getElementById(anchor);
    document.querySelector(".linked")?.classList.remove("linked");
    if (!target) return;
    if (target.closest(".off")) {
      choose(() => false);
      apply();
    }
    target.classList.add("linked");
    target.scrollIntoView();
    remember(anchor);
  }

  for (const hidden of document.querySelectorAll(".filter [hidden]")) hidden.hidden = false;
  for (const box of boxes) box.addEventListener("change", () => { apply(); remember(""); });
  reset.addEventListener("click", () => { choose(() => false); apply(); remember(""); boxes[0].focus(); });
  addEventListener("hashchange", follow);
  follow();
})();
