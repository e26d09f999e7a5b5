"""Filters: that a filtered list is the part of the full list that it says.

What a row carries (``product``, ``pk``) is compared with the filter directly. What it does not carry
(``is_seller_product``, ``product_type``) is held by what must be true anyway: the values split the list, agree for all
images of a product, and unions and intersections add up. On a list that is too long to be read whole, these last are
tried within ``id__in`` of a sample.
"""

import itertools
from collections.abc import Iterator, Sequence

from channel_images.conformance.operations import FULL, Operation, product_types
from channel_images.conformance.reading import Filters
from channel_images.conformance.rule import Finding, NotExercised, Pattern, few, rule
from channel_images.conformance.rules.paging import RELATIONS
from channel_images.conformance.survey import Known, Survey
from channel_images.conformance.wire import Answer

SELLER, TYPE, PRODUCT, PRODUCTS, IDS = "is_seller_product", "product_type", "product", "product__pk__in", "id__in"
MOST_IDS = 100
"""Ids in the sample that stands for a long list."""
UNKNOWN_TYPE = "999"


def joined(values: Sequence[int]) -> str:
    """Several values as the contract writes them: one parameter, with commas."""
    return ",".join(str(value) for value in values)


def _listed(survey: Survey, filters: Filters) -> Known:
    return survey.known(FULL, filters)


def _named(filters: Filters) -> str:
    return "&".join(f"{name}={value if len(value) < 60 else value[:57] + '...'}" for name, value in filters)


def _shown(known: Known) -> tuple[Answer, ...]:
    return tuple(page.answer for page in known.pages[:1])


def _universe(survey: Survey) -> tuple[Filters, dict[int, int | None]]:
    """The filter that all relations are tried within, and the product by pk of the rows that it leaves."""
    rows = survey.all_rows()
    if not rows:
        raise NotExercised(f"channel {survey.channel} lists no row")
    if survey.full().is_whole:
        return (), {pk: row.get("product") for pk, row in rows.items()}
    pks = sorted(survey.sample(MOST_IDS, salt="universe"))
    return ((IDS, joined(pks)),), {pk: rows[pk].get("product") for pk in pks}


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
        pks &= wanted if name == IDS else {pk for pk in pks if rows[pk].get(PRODUCT) in wanted}
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
    if survey.full().is_whole:
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
        wrong = [row["pk"] for row in known.rows.values() if row.get(carried) != int(value)]
        if wrong:
            yield Finding(
                f"{name} returns rows that it should not",
                f"{name}={value}: rows whose {carried} is {value}",
                f"pk {few(wrong)} too",
                _shown(known),
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
                f"{known.total} rows: pk {few(known.pks)}",
                (answer,),
            )


@rule("filter.complete", Pattern.COMPLETE, [FULL])
def complete(survey: Survey, operation: Operation) -> Iterator[Finding]:
    """Each row of the full list that satisfies product, product__pk__in or id__in is returned by it."""
    for filters in _single(survey):
        known = _listed(survey, filters)
        if missing := sorted(_due(survey, filters) - set(known.pks)):
            yield Finding(
                f"{filters[0][0]} does not return all rows that satisfy it",
                f"{_named(filters)}: pk {few(sorted(_due(survey, filters)))}",
                f"pk {few(missing)} missing",
                (*_shown(known), *_shown(survey.full())),
            )


@rule("filter.multi", Pattern.EQUALITY, [FULL])
def multi(survey: Survey, operation: Operation) -> Iterator[Finding]:
    """Several values give the union of the single ones: in any order, not adjacent, many of them; unknown ones and
    repeated ones add nothing."""
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
    if not survey.quick:
        many = list(survey.all_rows())[:: max(1, len(survey.all_rows()) // 150)][:150]
        cases += [
            ((IDS, joined(pks)),),
            ((IDS, joined(sorted(pks))),),
            ((IDS, joined([pks[0], *pks])),),
            ((IDS, joined(many)),),
            ((IDS, joined(many[::-1])),),
            ((PRODUCTS, joined(products)),),
            ((PRODUCTS, joined([products[0], *products])),),
            ((PRODUCTS, joined(_products(survey, 60))),),
        ]
    for filters in cases[::2] if survey.quick else cases:
        known = _listed(survey, filters)
        due = _due(survey, filters)
        got = set(known.pks)
        if not survey.full().is_whole:
            got &= set(survey.all_rows())
        if got != due or len(known.pks) != len(set(known.pks)):
            yield Finding(
                f"several values of {filters[0][0]} are not the union of the single ones",
                f"{_named(filters)}: {len(due)} rows, pk {few(sorted(due))}",
                f"{len(known.pks)} rows: missing pk {few(sorted(due - got))}; too many pk {few(sorted(got - due))}",
                _shown(known),
            )
    yield from _several_types(survey)


def _several_types(survey: Survey) -> Iterator[Finding]:
    types = _types(survey)
    inhabited = [number for number, pks in types.items() if pks] or list(types)[:1]
    pairs = [inhabited[-2:][::-1]]
    if not survey.quick:
        pairs += [inhabited[:2], inhabited[:2][::-1], inhabited[-2:], [inhabited[0], inhabited[-1]]]
        pairs += [inhabited, inhabited[::-1], list(types), inhabited[::2]]
    for numbers in [list(each) for each in dict.fromkeys(tuple(pair) for pair in pairs) if len(each) > 1]:
        filters: Filters = (*_universe(survey)[0], (TYPE, joined(numbers)))
        known = _listed(survey, filters)
        due = set().union(*(types[number] for number in numbers))
        if set(known.pks) != due:
            yield Finding(
                f"several values of {TYPE} are not the union of the single ones",
                f"{TYPE}={joined(numbers)}: {len(due)} rows, as the single ones together",
                f"{len(known.pks)} rows: missing pk {few(sorted(due - set(known.pks)))}; "
                f"too many pk {few(sorted(set(known.pks) - due))}",
                _shown(known),
            )


def _types(survey: Survey) -> dict[int, set[int]]:
    """The pks of each product type, within the universe."""
    within = _universe(survey)[0]
    return {number: set(_listed(survey, (*within, (TYPE, str(number)))).pks) for number in product_types()}


def _sides(survey: Survey) -> dict[str, Known]:
    within = _universe(survey)[0]
    return {side: _listed(survey, (*within, (SELLER, side))) for side in ("true", "false")}


@rule("filter.partition", Pattern.DISJOINT, [FULL])
def partition(survey: Survey, operation: Operation) -> Iterator[Finding]:
    """is_seller_product true and false share no row and cover the list, product types share no row, and the images of
    a product fall on the same side."""
    _, product_of = _universe(survey)
    sides = _sides(survey)
    true, false = set(sides["true"].pks), set(sides["false"].pks)
    shown = (*_shown(sides["true"]), *_shown(sides["false"]))
    if both := sorted(true & false):
        yield Finding(f"{SELLER} true and false share rows", "no row on both sides", f"pk {few(both)} on both", shown)
    if neither := sorted(set(product_of) - true - false):
        yield Finding(
            f"{SELLER} true and false do not cover the list", "each row on a side", f"pk {few(neither)} on none", shown
        )
    if foreign := sorted((true | false) - set(product_of)):
        yield Finding(
            f"{SELLER} returns rows that the full list lacks", "rows of the full list", f"pk {few(foreign)}", shown
        )
    yield from _torn(product_of, sides, SELLER)

    types = _types(survey)
    within = _universe(survey)[0]
    for first, second in itertools.combinations(types, 2):
        if shared := sorted(types[first] & types[second]):
            answers = [_shown(_listed(survey, (*within, (TYPE, str(number))))) for number in (first, second)]
            yield Finding(
                "product types share rows",
                f"no row of both type {first} and type {second}",
                f"pk {few(shared)} of both",
                (*answers[0], *answers[1]),
            )
            return
    for number, pks in types.items():
        shown = _shown(_listed(survey, (*within, (TYPE, str(number)))))
        if foreign := sorted(pks - set(product_of)):
            yield Finding(
                f"{TYPE} returns rows that the full list lacks", "rows of the full list", f"pk {few(foreign)}", shown
            )
    yield from _torn(
        product_of, {str(number): _listed(survey, (*within, (TYPE, str(number)))) for number in types}, TYPE
    )
    yield from _expected(survey, true, false, types)


def _torn(product_of: dict[int, int | None], sides: dict[str, Known], name: str) -> Iterator[Finding]:
    """Products whose images fall on different sides, one of which may be none of them."""
    of_pk = {pk: side for side, known in sides.items() for pk in known.pks}
    at_side: dict[int | None, dict[str, int]] = {}
    for pk, number in product_of.items():
        at_side.setdefault(number, {}).setdefault(of_pk.get(pk, "none"), pk)
    for number, at in at_side.items():
        if number is not None and len(at) > 1:
            yield Finding(
                f"images of one product fall on different sides of {name}",
                f"all images of product {number} on one side",
                ", ".join(f"pk {pk} on {side}" for side, pk in at.items()),
                tuple(answer for side in at if side in sides for answer in _shown(sides[side])),
            )
            return


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


@rule("filter.and", Pattern.EQUALITY, [FULL])
def both(survey: Survey, operation: Operation) -> Iterator[Finding]:
    """Two filters, or three, give the rows that satisfy each of them."""
    for filters in _combinations(survey):
        known = _listed(survey, filters)
        due = _satisfying(survey, filters)
        got = set(known.pks)
        if not survey.full().is_whole:
            got &= set(survey.all_rows())
        if got != due:
            yield Finding(
                f"{' and '.join(sorted(name for name, _ in filters))} together are not the intersection",
                f"{_named(filters)}: {len(due)} rows, pk {few(sorted(due))}",
                f"{len(got)} rows: missing pk {few(sorted(due - got))}; too many pk {few(sorted(got - due))}",
                _shown(known),
            )


def _satisfying(survey: Survey, filters: Filters) -> set[int]:
    """The intersection of what each filter gives by itself."""
    within, product_of = _universe(survey)
    due = set(product_of) if within else set(survey.all_rows())
    for name, value in filters:
        if name in (SELLER, TYPE):
            due &= set(_listed(survey, (*within, (name, value))).pks)
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
    several = max(products, key=lambda each: len(survey.products()[each]))
    others = [each for each in products if each != several]
    return {
        SELLER: ["true", "false"],
        TYPE: [*map(str, common), joined(common[:2])],
        PRODUCTS: [joined(products[::2]), joined(products), joined(others[:2] or products), str(several)],
        PRODUCT: [str(several), *map(str, others)],
        IDS: [
            joined(half),
            joined([survey.products()[several][0], *half[:3]]),
            joined(half[:2]),
            *(joined(sorted(types[number])[:MOST_IDS]) for number in common[:2] if number in types),
        ],
    }


@rule("filter.with-paging", Pattern.COMPLETE, [FULL])
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
    yield ((IDS, joined(_ids(survey, 23))),)
    if survey.quick:
        return
    yield ((PRODUCT, str(several)),)
    yield ((PRODUCTS, joined(_products(survey, 15))),)
    if survey.full().is_whole:
        types = _types(survey)
        yield ((TYPE, str(max(types, key=lambda number: len(types[number])))),)
        sides = _sides(survey)
        yield ((SELLER, max(sides, key=lambda side: sides[side].total)),)
