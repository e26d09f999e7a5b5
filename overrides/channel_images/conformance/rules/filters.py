"""Judges filters: a filtered list is the part of the full list that it says.

What a row carries (`product`, `pk`) is compared with the filter directly. What it does not carry
(`is_seller_product`, `product_type`) is held by what must be true anyway: the values split the list, agree for all
images of a product, and unions and intersections add up. On a list that is too long to be read whole several times,
these last are tried within `id__in` of a sample.

Whatever is compared is known to be whole, or it is not compared: `_lacking` and `_has_other_length` say nothing
of rows that a `Sample` did not see.
"""

import itertools
from collections.abc import Iterator, Sequence
from urllib.parse import urlencode

from channel_images.conformance.asking.operations import FULL, Operation, product_types
from channel_images.conformance.asking.reading import Filters, ListOf, NotExercised, Page, page, product_of
from channel_images.conformance.asking.survey import LEAST, MANY, Sample, Survey, Whole, beginnings
from channel_images.conformance.asking.wire import Answer
from channel_images.conformance.judging.rule import Finding, Pattern, few, rule
from channel_images.conformance.rules.paging import ORDER, RELATIONS

SELLER, TYPE, PRODUCT, PRODUCTS, IDS = "is_seller_product", "product_type", "product", "product__pk__in", "id__in"
MOST_IDS = 100
"""Ids in the sample that stands for a long list."""
FEW_PAGES = 4
"""Pages up to which a list is filtered whole; of a longer one, a sample is."""
WRAPS = (2**32, 2**33, 2**48, 2**62)
"""What an id loses where it is cut down to 32 bits, or to another number of them."""
UNKNOWN_TYPE = "999"


def joined(values: Sequence[int]) -> str:
    """Several values as the contract writes them: one parameter, with commas."""
    return ",".join(str(value) for value in values)


def _listed(survey: Survey, filters: Filters) -> Whole | Sample:
    return survey.known(FULL, filters)


def _lacking(known: Whole | Sample, due: set[int]) -> list[int]:
    """The pks that a list should hold and does not: none where only a sample of it was read."""
    return sorted(due - set(known.pks)) if isinstance(known, Whole) else []


def _has_other_length(survey: Survey, known: Whole | Sample, due: set[int]) -> bool:
    """Whether a sampled list is not as long as it should be, where the full list tells how long that is."""
    return isinstance(known, Sample) and isinstance(survey.full(), Whole) and known.total != len(due)


def _too_many(survey: Survey, known: Whole | Sample, due: set[int]) -> list[int]:
    """The pks that a list holds and should not: only those that the full list was read with, where it was not read whole."""
    read = set(known.seen) if isinstance(survey.full(), Whole) else set(known.seen) & set(survey.all_rows())
    return sorted(read - due)


def _compared(survey: Survey, filters: Filters, due: set[int], relation: str) -> Iterator[Finding]:
    """What a filtered list should hold, compared with what it holds."""
    known = _listed(survey, filters)
    missing, extra = _lacking(known, due), _too_many(survey, known, due)
    twice = len(known.seen) != len(set(known.seen))
    if missing or extra or twice or _has_other_length(survey, known, due):
        of_all = "" if isinstance(survey.full(), Whole) else " among the rows that were read"
        yield Finding(
            relation,
            f"{_named(filters)}: {len(due)} rows{of_all}, pk {few(sorted(due))}",
            f"{known.total} rows: missing pk {few(missing)}; too many pk {few(extra)}"
            + ("; some of them twice" if twice else ""),
            beginnings(known),
        )


def _kept(survey: Survey, name: str, values: Sequence[int]) -> list[int]:
    """As many of some values as the server takes in one filter; no more than it has to take where that is not asked."""
    most = LEAST if survey.quick else survey.most_values(name, values) if values else 0
    return list(values[:most])


def _named(filters: Filters) -> str:
    return "&".join(f"{name}={value if len(value) < 60 else value[:57] + '...'}" for name, value in filters)


def _universe(survey: Survey) -> tuple[Filters, dict[int, int | None]]:
    """The filter that all relations are tried within, and the product by pk of the rows that it leaves."""
    full, rows = survey.full(), survey.all_rows()
    if not rows:
        raise NotExercised(f"channel {survey.channel} lists no row")
    if isinstance(full, Whole) and full.total <= FEW_PAGES * survey.largest:
        return (), {pk: product_of(row) for pk, row in rows.items()}
    sample = survey.sample(max(LEAST, min(MOST_IDS, FEW_PAGES * survey.largest)), salt="universe")
    pks = sorted(_kept(survey, IDS, sample))
    return ((IDS, joined(pks)),), {pk: product_of(rows[pk]) for pk in pks}


def _products(survey: Survey, most: int) -> list[int]:
    """Products to filter by: the first, the last, those with several images, and seeded others."""
    products = survey.products()
    if not products:
        raise NotExercised(f"channel {survey.channel} lists no row with a product")
    ids = list(products)
    several = sorted(ids, key=lambda product: -len(products[product]))[:2]
    others = survey.random("products").sample(ids, k=min(len(ids), most))
    return list(dict.fromkeys([ids[0], ids[-1], *several, *others]))[:most]


def _ids(survey: Survey, most: int) -> list[int]:
    """Pks that are not neighbours in the list, in no order."""
    pks = list(survey.all_rows())
    if not pks:
        raise NotExercised(f"channel {survey.channel} lists no row")
    spread = pks[:: max(1, len(pks) // most)][:most]
    return survey.random("ids").sample(spread, k=len(spread))


def _due(survey: Survey, filters: Filters) -> set[int]:
    """The pks of the rows read that satisfy filters on what rows carry."""
    rows = survey.all_rows()
    pks = set(rows)
    for name, value in filters:
        wanted = {int(each) for each in value.split(",")}
        pks &= wanted if name == IDS else {pk for pk in pks if product_of(rows[pk]) in wanted}
    return pks


def _single(survey: Survey) -> list[Filters]:
    """One filter on what rows carry, with one value."""
    most = 2 if survey.quick else 6
    filters: list[Filters] = [((PRODUCT, str(each)),) for each in _products(survey, most)]
    filters += [((PRODUCTS, str(each)),) for each in _products(survey, 2)]
    filters += [((IDS, str(pk)),) for pk in _ids(survey, 1 if survey.quick else 3)]
    return filters


def _absent(survey: Survey) -> list[Filters]:
    """Filters that no row satisfies."""
    absent = survey.absent_pk(2)
    used = survey.products()
    products = [product for product in (0, max(used, default=0) + 1_000_003) if product not in used]
    filters: list[Filters] = [((IDS, str(pk)),) for pk in (*absent, *([0] if 0 not in survey.all_rows() else []))]
    # What a comparison of texts would find: the beginning or the end of an id that is there.
    for product in [each for each in used if each > 9][:2]:
        products += [int(part) for part in (str(product)[:-1], str(product)[1:]) if int(part) not in used]
    # What is there once an id is cut down to fewer bits. Ids that long may exist where others do.
    for name, values in ((IDS, list(survey.all_rows())), (PRODUCT, list(used)), (PRODUCTS, list(used))):
        if values and max(values) < 2**31:
            filters += [((name, str(values[0] + wrap)),) for wrap in WRAPS]
    if isinstance(survey.full(), Whole):
        filters += [((name, str(product)),) for product in dict.fromkeys(products) for name in (PRODUCT, PRODUCTS)]
    filters.append(((TYPE, UNKNOWN_TYPE),))
    return filters if not survey.quick else filters[:1]


@rule("filter.sound", Pattern.SUBSET, [FULL])
def sound(survey: Survey, operation: Operation) -> Iterator[Finding]:
    """Each row that product, product__pk__in and id__in return satisfies the filter; a value that does not exist gives
    no row, or 400."""
    for filters in _single(survey):
        known = _listed(survey, filters)
        (name, value), *_ = filters
        carried = "pk" if name == IDS else PRODUCT
        wrong = [pk for pk, row in known.by_pk.items() if (pk if name == IDS else product_of(row)) != int(value)]
        if wrong:
            yield Finding(
                f"{name} returns rows that it should not",
                f"{name}={value}: rows whose {carried} is {value}",
                f"pk {few(wrong)} too",
                beginnings(known),
            )
    for filters in _absent(survey):
        (name, value), *_ = filters
        answer = survey.session.get(FULL.path_for(survey.channel), [*filters, ("limit", "10")])
        if 400 <= answer.status < 500 or answer.is_server_error:
            continue
        known = _listed(survey, filters)
        if known.rows:
            yield Finding(
                f"{name} returns rows for a value that does not exist",
                f"no row for {name}={value}, or 400",
                f"{known.total} rows: pk {few(known.seen)}",
                (answer,),
            )


@rule("filter.complete", Pattern.COMPLETE, [FULL], rests_on=[ORDER])
def complete(survey: Survey, operation: Operation) -> Iterator[Finding]:
    """Each row of the full list that satisfies product, product__pk__in or id__in is returned by it."""
    for filters in _single(survey):
        known = _listed(survey, filters)
        due = _due(survey, filters)
        if (missing := _lacking(known, due)) or _has_other_length(survey, known, due):
            yield Finding(
                f"{filters[0][0]} does not return all rows that satisfy it",
                f"{_named(filters)}: {len(due)} rows, pk {few(sorted(due))}",
                f"{known.total} rows: pk {few(missing)} missing",
                beginnings(known, survey.full()),
            )


@rule("filter.multi", Pattern.EQUALITY, [FULL], rests_on=[ORDER])
def multi(survey: Survey, operation: Operation) -> Iterator[Finding]:
    """Several values give the union of the single ones: in any order, not adjacent, many of them; unknown ones and
    repeated ones add nothing. A space after a comma is refused, or means nothing."""
    for name, finds in ((IDS, list(survey.all_rows())), (PRODUCTS, list(survey.products()))):
        if not survey.quick and finds and survey.most_values(name, finds) < LEAST:
            answer = survey.session.get(FULL.path_for(survey.channel), ((name, joined(finds[:LEAST])),))
            yield Finding(
                f"{name} does not take {LEAST} values", f"at least {LEAST} values", answer.describe(), (answer,)
            )
            return
    for filters in _several(survey):
        name = filters[0][0]
        relation = f"several values of {name} are not the union of the single ones"
        yield from _compared(survey, filters, _due(survey, filters), relation)
    if not survey.quick:
        yield from _spaced(survey)
    yield from _several_types(survey)


def _several(survey: Survey) -> list[Filters]:
    """Several values of one filter on what rows carry."""
    pks, products = _ids(survey, 4), _products(survey, 4)
    absent = survey.absent_pk(1)
    unused = max(survey.products(), default=0) + 1_000_003
    cases: list[Filters] = [
        ((IDS, joined(pks[:2])),),
        ((IDS, joined(pks[:2][::-1])),),
        ((IDS, joined([*pks[:3], *absent])),),
        ((IDS, joined([*absent, *pks[:3]])),),
        ((PRODUCTS, joined(products[:2])),),
        ((PRODUCTS, joined(products[:2][::-1])),),
        ((PRODUCTS, joined([*products[:3], unused])),),
        ((PRODUCTS, joined([unused, *products[:3]])),),
    ]
    if survey.quick:
        return cases[::2]
    rows = list(survey.all_rows())
    many = _kept(survey, IDS, rows[:: max(1, len(rows) // MANY[0])][: MANY[0]])
    many_products = _kept(survey, PRODUCTS, _products(survey, 60))
    return [
        *cases,
        ((IDS, joined(pks)),),
        ((IDS, joined(sorted(pks))),),
        ((IDS, joined([pks[0], *pks])),),
        ((IDS, joined(many)),),
        ((IDS, joined(many[::-1])),),
        ((PRODUCTS, joined(products)),),
        ((PRODUCTS, joined([products[0], *products])),),
        ((PRODUCTS, joined(many_products)),),
    ]


def _spaced(survey: Survey) -> Iterator[Finding]:
    """Two values with a space after the comma, as people write them: refused, or the union of both."""
    limit, within = survey.largest, _universe(survey)[0]
    types = {number: pks for number, pks in _types(survey).items() if pks}
    cases: list[tuple[str, list[int], Filters, set[int]]] = [
        (name, values, (), _due(survey, ((name, joined(values)),)))
        for name, values in ((IDS, _ids(survey, 2)), (PRODUCTS, _products(survey, 2)))
    ]
    cases.append((TYPE, list(types)[:2], within, set().union(*list(types.values())[:2])))
    for name, values, filters, due in cases:
        if len(values) < 2:
            continue
        for space in ("%20", "+"):
            others = urlencode([*filters, ("page", "1"), ("limit", str(limit))], safe=",")
            answer = survey.session.get(
                f"{FULL.path_for(survey.channel)}?{name}={values[0]},{space}{values[1]}&{others}"
            )
            if 400 <= answer.status < 500 or answer.is_server_error:
                continue
            found = page(answer)
            missing = due - set(found.pks) if len(found.rows) < limit else set()
            extra = set(found.pks) - due if isinstance(survey.full(), Whole) or name != PRODUCTS else set()
            if missing or extra:
                yield Finding(
                    f"a space after the comma of {name} loses or adds rows",
                    f"a refusal, or the rows of {joined(values)}: pk {few(sorted(due))}",
                    f"missing pk {few(sorted(missing))}; too many pk {few(sorted(extra))}",
                    (answer,),
                )
                break


def _several_types(survey: Survey) -> Iterator[Finding]:
    types = _types(survey)
    inhabited = [number for number, pks in types.items() if pks] or list(types)[:1]
    pairs = [inhabited[-2:][::-1]]
    if not survey.quick:
        pairs += [inhabited[:2], inhabited[:2][::-1], inhabited[-2:], [inhabited[0], inhabited[-1]]]
        pairs += [inhabited, inhabited[::-1], list(types), inhabited[::2]]
    for numbers in [list(each) for each in dict.fromkeys(tuple(pair) for pair in pairs) if len(each) > 1]:
        filters: Filters = (*_universe(survey)[0], (TYPE, joined(numbers)))
        due = set().union(*(types[number] for number in numbers))
        yield from _compared(survey, filters, due, f"several values of {TYPE} are not the union of the single ones")


def _pks(survey: Survey, filters: Filters) -> set[int]:
    """The pks of a filtered list that has to be known whole. Raises `NotExercised` where it is too long for that."""
    known = _listed(survey, filters)
    if isinstance(known, Sample):
        raise NotExercised(f"{_named(filters)} leaves {known.total} rows, too many to compare all of them")
    return set(known.pks)


def _types(survey: Survey) -> dict[int, set[int]]:
    """The pks of each product type, within the universe."""
    within = _universe(survey)[0]
    return {number: _pks(survey, (*within, (TYPE, str(number)))) for number in product_types()}


def _sides(survey: Survey) -> dict[str, set[int]]:
    """The pks on each side of `is_seller_product`, within the universe."""
    within = _universe(survey)[0]
    return {side: _pks(survey, (*within, (SELLER, side))) for side in ("true", "false")}


def _answers(survey: Survey, name: str, *values: object) -> tuple[Answer, ...]:
    """What each value of a filter was answered, within the universe."""
    within = _universe(survey)[0]
    return tuple(answer for value in values for answer in beginnings(_listed(survey, (*within, (name, str(value))))))


@rule("filter.partition", Pattern.DISJOINT, [FULL], rests_on=[ORDER])
def partition(survey: Survey, operation: Operation) -> Iterator[Finding]:
    """is_seller_product true and false share no row and cover the list, product types share no row, and the images of
    a product fall on the same side."""
    within, products = _universe(survey)
    sides = _sides(survey)
    true, false = sides["true"], sides["false"]
    shown = _answers(survey, SELLER, "true", "false")
    if both := sorted(true & false):
        yield Finding(f"{SELLER} true and false share rows", "no row on both sides", f"pk {few(both)} on both", shown)
    if neither := sorted(set(products) - true - false):
        yield Finding(
            f"{SELLER} true and false do not cover the list", "each row on a side", f"pk {few(neither)} on none", shown
        )
    if foreign := sorted((true | false) - set(products)):
        yield Finding(
            f"{SELLER} returns rows that the full list lacks", "rows of the full list", f"pk {few(foreign)}", shown
        )
    yield from _torn(survey, products, sides, SELLER)

    types = _types(survey)
    for first, second in itertools.combinations(types, 2):
        if shared := sorted(types[first] & types[second]):
            yield Finding(
                "product types share rows",
                f"no row of both type {first} and type {second}",
                f"pk {few(shared)} of both",
                _answers(survey, TYPE, first, second),
            )
            return
    for number, pks in types.items():
        if foreign := sorted(pks - set(products)):
            yield Finding(
                f"{TYPE} returns rows that the full list lacks",
                "rows of the full list",
                f"pk {few(foreign)}",
                _answers(survey, TYPE, number),
            )
    yield from _torn(survey, products, {str(number): pks for number, pks in types.items()}, TYPE)
    yield from _expected(survey, true, false, types)
    if within and not survey.quick:
        yield from _in_number(survey)


def _torn(survey: Survey, products: dict[int, int | None], sides: dict[str, set[int]], name: str) -> Iterator[Finding]:
    """Products whose images fall on different sides, one of which may be none of them."""
    of_pk = {pk: side for side, pks in sides.items() for pk in pks}
    at_side: dict[int | None, dict[str, int]] = {}
    for pk, number in products.items():
        at_side.setdefault(number, {}).setdefault(of_pk.get(pk, "none"), pk)
    for number, at in at_side.items():
        if number is not None and len(at) > 1:
            yield Finding(
                f"images of one product fall on different sides of {name}",
                f"all images of product {number} on one side",
                ", ".join(f"pk {pk} on {side}" for side, pk in at.items()),
                _answers(survey, name, *(side for side in at if side in sides)),
            )
            return


def _in_number(survey: Survey) -> Iterator[Finding]:
    """Of a list of which a sample was compared: whether the sides are as many rows as the list, and the types no more."""

    def count(*filters: tuple[str, str]) -> Page:
        return ListOf(FULL, survey.channel, filters).page(survey.session, 1, 1)

    whole, true, false = count(), count((SELLER, "true")), count((SELLER, "false"))
    if whole.count is None or true.count is None or false.count is None:
        return
    if true.count + false.count != whole.count:
        yield Finding(
            f"{SELLER} true and false are not as many rows as the list",
            f"{whole.count} rows",
            f"{true.count} and {false.count} rows",
            (whole.answer, true.answer, false.answer),
        )
    types = [count((TYPE, str(number))) for number in product_types()]
    if sum(each.count or 0 for each in types) > whole.count:
        yield Finding(
            "product types together are more rows than the list",
            f"at most {whole.count} rows",
            " and ".join(str(each.count) for each in types) + " rows",
            (whole.answer, *(each.answer for each in types)),
        )


def _expected(survey: Survey, true: set[int], false: set[int], types: dict[int, set[int]]) -> Iterator[Finding]:
    """What --expect says of products."""
    products = survey.products()
    for product, is_seller in survey.expectations.is_seller_product.items():
        wrong = [pk for pk in products.get(product, []) if pk in (false if is_seller else true)]
        if wrong:
            filters: Filters = ((SELLER, "false" if is_seller else "true"), (PRODUCT, str(product)))
            yield Finding(
                f"{SELLER} contradicts --expect",
                f"product {product}: {SELLER} {str(is_seller).lower()}",
                f"pk {few(wrong)} on the other side",
                (survey.session.get(FULL.path_for(survey.channel), filters),),
            )
    for product, number in survey.expectations.product_type.items():
        wrong = [pk for pk in products.get(product, []) if pk not in types.get(number, set())]
        if wrong and set(wrong) <= set(_universe(survey)[1]):
            filters = ((TYPE, str(number)), (PRODUCT, str(product)))
            yield Finding(
                f"{TYPE} contradicts --expect",
                f"product {product}: {TYPE} {number}",
                f"pk {few(wrong)} not among them",
                (survey.session.get(FULL.path_for(survey.channel), filters),),
            )


@rule("filter.and", Pattern.EQUALITY, [FULL], rests_on=[ORDER])
def both(survey: Survey, operation: Operation) -> Iterator[Finding]:
    """Two filters, or three, give the rows that satisfy each of them."""
    for filters in _combinations(survey):
        relation = f"{' and '.join(sorted(name for name, _ in filters))} together are not the intersection"
        yield from _compared(survey, filters, _satisfying(survey, filters), relation)


def _satisfying(survey: Survey, filters: Filters) -> set[int]:
    """The intersection of what each filter gives by itself, within the universe."""
    within, products = _universe(survey)
    due = set(products)
    for name, value in filters:
        if name in (SELLER, TYPE):
            due &= _pks(survey, (*within, (name, value)))
        else:
            due &= _due(survey, ((name, value),))
    return due


def _combinations(survey: Survey) -> list[Filters]:
    """Two filters of each kind together, and three.

    Two sets of values for each pair of filters: one where each cuts the other in two, and one where they exclude each
    other. Anything else shows little: where one of them holds already what the other leaves, dropping the other changes
    nothing.
    """
    within, product_of = _universe(survey)
    candidates = _candidates(survey, list(product_of))
    chosen: list[Filters] = []
    for (name, values), (other, others) in itertools.combinations(candidates.items(), 2):
        if within and IDS in (name, other):
            continue
        cut: Filters = ()
        apart: Filters = ()
        for value, other_value in itertools.product(values, others):
            pair: Filters = ((name, value), (other, other_value))
            left, right = (_satisfying(survey, (each,)) for each in pair)
            if left & right and left & right not in (left, right):
                cut = cut or pair
            elif left and right and not left & right:
                apart = apart or pair
        chosen += [(*within, *pair) for pair in (cut, apart) if pair]
    three = [(name, values[0]) for name, values in candidates.items() if name in (SELLER, TYPE, PRODUCTS)]
    chosen.append((*within, *three))
    return chosen[::3] if survey.quick else chosen


def _candidates(survey: Survey, pks: list[int]) -> dict[str, list[str]]:
    """Values to try each filter with."""
    chance = survey.random("combinations")
    types = {number: found for number, found in _types(survey).items() if found}
    common = sorted(types, key=lambda number: -len(types[number])) or list(product_types()[:1])
    products = _products(survey, 8)
    half = chance.sample(pks, k=max(1, min(len(pks) // 2, MOST_IDS)))
    most = survey.most_values(IDS, pks)
    several = max(products, key=lambda each: len(survey.products()[each]))
    others = [each for each in products if each != several]
    return {
        SELLER: ["true", "false"],
        TYPE: [*map(str, common), joined(common[:2])],
        PRODUCTS: [joined(products[::2]), joined(products), joined(others[:2] or products), str(several)],
        PRODUCT: [str(several), *map(str, others)],
        IDS: [
            joined(half[:most]),
            joined([survey.products()[several][0], *half[:3]]),
            joined(half[:2]),
            *(joined(sorted(types[number])[: min(most, MOST_IDS)]) for number in common[:2] if number in types),
        ],
    }


@rule("filter.with-paging", Pattern.COMPLETE, [FULL], rests_on=[ORDER])
def with_paging(survey: Survey, operation: Operation) -> Iterator[Finding]:
    """Filtered lists obey each paging rule."""
    tried = 0
    for filters in _long_lists(survey):
        known = _listed(survey, filters)
        if known.total < 2:
            continue
        tried += 1
        for identity, relation in RELATIONS.items():
            for finding in relation(survey, known):
                yield Finding(
                    f"{identity}: {finding.relation}",
                    f"{_named(filters)}: {finding.expected}",
                    finding.seen,
                    finding.answers,
                )
    if not tried:
        raise NotExercised("no filter leaves more than one row")


def _long_lists(survey: Survey) -> Iterator[Filters]:
    """Filters that leave several rows, one of each kind."""
    several = max(_products(survey, 6), key=lambda product: len(survey.products()[product]))
    yield ((IDS, joined(_kept(survey, IDS, _ids(survey, 23)))),)
    if survey.quick:
        return
    yield ((PRODUCT, str(several)),)
    yield ((PRODUCTS, joined(_kept(survey, PRODUCTS, _products(survey, 15)))),)
    within, _ = _universe(survey)
    if not within:
        types = _types(survey)
        yield ((TYPE, str(max(types, key=lambda number: len(types[number])))),)
        sides = _sides(survey)
        yield ((SELLER, max(sides, key=lambda side: len(sides[side]))),)
