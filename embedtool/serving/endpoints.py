"""What a served model may be asked: each endpoint, its parameters and its answer.

In: word vectors, and the parameters of a request as they came. Out: checked parameters, and answers
that JSON can hold. The API, its OpenAPI document and the MCP tools read one table, `questions`.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from embedtool.config.choices import METHODS, N_ANSWERS
from embedtool.errors import NoAnswerError, QueryError
from embedtool.messages import counted
from embedtool.model.vectors import WordVectors
from embedtool.search import query
from embedtool.search.ann import AnnIndex
from embedtool.search.batching import answers_or_errors
from embedtool.search.candidates import candidate_ids
from embedtool.search.expression import Expression, parse_expression
from embedtool.search.lookup import from_ngrams, lookup
from embedtool.serving.limits import (
    MAX_EXPRESSION_LENGTH,
    MAX_INTEGER,
    MAX_N,
    MAX_TERMS,
    MAX_WORD_LENGTH,
    MAX_WORDS,
)

Schema = dict[str, Any]
"""JSON Schema, of which `check` knows: type, enum, bounds, lengths and items."""
Answers = list[dict[str, Any]]

KINDS: dict[str, tuple[type, str]] = {
    "integer": (int, "a whole number"),
    "boolean": (bool, "true or false"),
    "string": (str, "text"),
    "array": (list, "a list"),
}
WHOLE_NUMBER = re.compile(r"-?[0-9]{1,20}")
TRUTH = {"true": True, "false": False}

WORD: Schema = {"type": "string", "minLength": 1, "maxLength": MAX_WORD_LENGTH}
EXPRESSION: Schema = {"type": "string", "minLength": 1, "maxLength": MAX_EXPRESSION_LENGTH}
FROM_NGRAMS: Schema = {
    "type": "array", "items": {"type": "string"}, "minItems": 1,
    "description": "Words asked about that are not in the vocabulary, so that their vectors are "
                   "those of their character n-grams; left out where there is none.",
}  # fmt: skip
UNKNOWN: Schema = {
    "type": "object", "additionalProperties": {"type": "array", "items": {"type": "string"}},
    "description": "The words without a vector, each with its nearest spellings.",
}  # fmt: skip
NAMES_OF_ITEMS = ("query", "word", "other")
"""What says of an answer which item it is of."""
FEWEST = 3
"""Of two words neither is odd."""


@dataclass(frozen=True)
class ServedModel:
    """A model that is served.

    index        : its index, where one is open
    max_words   : words, expressions, pairs or groups of one request
    max_n : the largest n
    name         : of the model's folder
    checksum     : of the model, as its config.json has it
    """

    vectors: WordVectors
    index: AnnIndex | None = None
    max_words: int = MAX_WORDS
    max_n: int = MAX_N
    name: str = ""
    checksum: str = ""

    @property
    def about(self) -> dict[str, Any]:
        """Which model it is, of schema ABOUT."""
        words, size = self.vectors.n_words, self.vectors.vector_size
        return {"name": self.name, "words": words, "vector_size": size, "checksum": self.checksum}


@dataclass(frozen=True)
class Endpoint:
    """A endpoint to a model.

    name    : of its tool; its path has - for _
    summary : one sentence
    one     : parameters that make one item, of a GET request
    many    : the name of the list of items of a POST request or a tool
    items   : the schema of that list
    options : parameters that hold for all items
    result  : the schema of the answer to one item; what was asked for is the last of its
              required properties
    answer  : the answers to some items, given every option; raises NoAnswerError, which names all
              that have none
    """

    name: str
    summary: str
    one: dict[str, Schema]
    many: str
    items: Schema
    options: dict[str, Schema]
    result: Schema
    answer: Callable[[ServedModel, Sequence[Any], Mapping[str, Any]], Answers]

    @property
    def value(self) -> str:
        """The name of what an item asks for in its answer."""
        return str(self.result["required"][-1])

    @property
    def names(self) -> list[str]:
        """The names of what says in an answer which item it is of."""
        return [name for name in self.result["required"] if name in NAMES_OF_ITEMS]

    def answer_each(
        self, served: ServedModel, items: Sequence[Any], options: Mapping[str, Any]
    ) -> Answers:
        """The answers to some items; to one that has none, null with the reason."""
        found = answers_or_errors(lambda some: self.answer(served, some, options), items)
        answers = []
        for item, answer in zip(items, found, strict=True):
            if isinstance(answer, NoAnswerError):
                named = zip(self.names, item if len(self.names) > 1 else [item], strict=True)
                answer = {**dict(named), self.value: None, **answer.details()}
            answers.append(answer)
        return answers

    @property
    def body(self) -> Schema:
        """The schema of a POST request, and of a tool's arguments."""
        return {
            "type": "object",
            "properties": {self.many: self.items, **self.options},
            "required": [self.many],
            "additionalProperties": False,
        }

    @property
    def answered(self) -> Schema:
        """The schema of the answer to a POST request or a tool."""
        named = self.result["properties"]
        without = _object(
            **{name: named[name] for name in self.names},
            **{self.value: {"type": "null"}, "reason": {"type": "string"}},
        )
        without["properties"]["unknown"] = UNKNOWN
        return _object(results={"type": "array", "items": {"anyOf": [self.result, without]}})

    def read_many(self, given: Any) -> tuple[list[Any], dict[str, Any]]:
        """The items and options of a JSON object. Raises QueryError where it is not of `body`."""
        if not isinstance(given, dict):
            raise QueryError(f'expected a JSON object, as in {{"{self.many}": [...]}}')
        self._check_names(given, (self.many,))
        items = check(self.many, given[self.many], self.items)
        return items, self._options(given)

    def read_one(self, given: Mapping[str, Sequence[str]]) -> tuple[Any, dict[str, Any]]:
        """The item and options of the parameters of a URL. Raises QueryError."""
        self._check_names(given, self.one)
        schemas = self.one | self.options
        typed = {name: _typed(name, given[name], schemas[name]) for name in given}
        item = [check(name, typed[name], schema) for name, schema in self.one.items()]
        return item[0] if len(item) == 1 else item, self._options(typed)

    def _check_names(self, given: Mapping[str, Any], needed: Sequence[str] | Schema) -> None:
        known = (*needed, *self.options)
        for name in given:
            if name not in known:
                raise QueryError(f"no parameter {name!r}: expected {', '.join(known)}")
        for name in needed:
            if name not in given:
                raise QueryError(f"{name} is missing")

    def _options(self, given: Mapping[str, Any]) -> dict[str, Any]:
        return {
            name: check(name, given[name], schema) if name in given else schema.get("default")
            for name, schema in self.options.items()
        }


def check(name: str, value: Any, schema: Schema) -> Any:
    """A value that meets its schema. Raises QueryError, which says what is expected.

    A number without a fraction is whole, however it is written, as JSON Schema has it.
    """
    kind, called = KINDS[schema["type"]]
    if kind is int and isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise QueryError(f"{name} must be {called}")
    if kind is int and not schema["minimum"] <= value <= schema["maximum"]:
        raise QueryError(f"{name} must be {schema['minimum']} to {schema['maximum']}")
    if isinstance(value, str) and "enum" in schema:
        if value not in schema["enum"]:
            raise QueryError(f"{name} must be {' or '.join(schema['enum'])}")
    elif isinstance(value, str):
        shortest, longest = schema["minLength"], schema["maxLength"]
        if not shortest <= len(value) <= longest:
            raise QueryError(
                f"{name} must be of {shortest} to {longest} characters, not {len(value)}"
            )
    if isinstance(value, list):
        fewest, most = schema["minItems"], schema["maxItems"]
        if not fewest <= len(value) <= most:
            bounds = str(most) if fewest == most else f"{fewest} to {most}"
            raise QueryError(f"{name} must hold {bounds}, not {len(value)}")
        return [check(f"{name}[{i}]", item, schema["items"]) for i, item in enumerate(value)]
    return value


def _typed(name: str, given: Sequence[str], schema: Schema) -> Any:
    """The values of a parameter of a URL, as its schema's type where they can be read as such."""
    if schema["type"] == "array":
        return list(given)
    if len(given) > 1:
        raise QueryError(f"{name} is there {len(given)} times; expected one")
    if schema["type"] == "integer" and WHOLE_NUMBER.fullmatch(given[0]):
        return int(given[0])
    if schema["type"] == "boolean":
        return TRUTH.get(given[0], given[0])
    return given[0]


def searches_index(served: ServedModel, options: Mapping[str, Any]) -> bool:
    """Whether a endpoint with these options is answered from the index.

    It is where there is one, unless the options ask for what only the exact search has. Raises
    QueryError where an index is asked for that is not there.
    """
    asked = options["approximate"]
    if asked is not None:
        if asked and served.index is None:
            raise QueryError("the server has no index open; it has with: serve --approximate")
        return bool(asked)
    limited = options["restrict_vocab"] is not None or options["min_count"] is not None
    return served.index is not None and not limited and options.get("method") != "3cosmul"


def endpoints(served: ServedModel) -> list[Endpoint]:
    """All endpoints, with the limits of a server."""
    most = served.max_words
    search = _search_options(served.max_n)
    method: Schema = {
        "type": "string", "enum": list(METHODS), "default": METHODS[0],
        "description": "3cosadd: cosine with the sum; 3cosmul: product of the similarities.",
    }  # fmt: skip
    group = _list(WORD, FEWEST, max(FEWEST, most))
    return [
        Endpoint(
            "similar", "The words nearest to a word, by cosine.",
            {"word": WORD}, "words", _list(WORD, 1, most), search, _found(WORD, True), _similar,
        ),
        Endpoint(
            "analogy",
            "The words nearest to an expression such as king - man + woman, or man king woman.",
            {"expression": EXPRESSION}, "expressions", _list(EXPRESSION, 1, most),
            {"method": method, **search}, _found(EXPRESSION, True), _analogy,
        ),
        Endpoint(
            "similarity", "The cosine of two words, from -1 to 1.",
            {"word": WORD, "other": WORD}, "pairs", _list(_list(WORD, 2, 2), 1, most), {},
            _with_origin(_object(word=WORD, other=WORD, similarity={"type": "number"})),
            _similarity,
        ),
        Endpoint(
            "odd_one_out",
            "Words by their cosine with the mean of all of them; the odd one comes first.",
            {"word": group}, "groups", _list(group, 1, most), {}, _found(group, False), _odd,
        ),
        Endpoint(
            "vector", "The numbers of a word's vector.",
            {"word": WORD}, "words", _list(WORD, 1, most), {},
            _with_origin(
                _object(word=WORD, vector={"type": "array", "items": {"type": "number"}})
            ),
            _vector,
        ),
    ]  # fmt: skip


def _search_options(max_n: int) -> dict[str, Schema]:
    def number(most: int, description: str) -> Schema:
        return {"type": "integer", "minimum": 1, "maximum": most, "description": description}

    n = number(max_n, "Number of answers.")
    n["default"] = min(N_ANSWERS, max_n)
    return {
        "n": n,
        "restrict_vocab": number(MAX_INTEGER, "Search only among so many most frequent words."),
        "min_count": number(MAX_INTEGER, "Search only among words with this count or more."),
        "include_query_words": {
            "type": "boolean", "default": False,
            "description": "Let the words of the query answer too.",
        },
        "approximate": {
            "type": "boolean",
            "description": "Search in the index, or compare all words. Where it is not given: in "
                           "the index, if the server has one open and the other options allow it.",
        },
    }  # fmt: skip


def _list(items: Schema, fewest: int, most: int) -> Schema:
    return {"type": "array", "items": items, "minItems": fewest, "maxItems": most}


def _object(**properties: Schema) -> Schema:
    return {"type": "object", "properties": properties, "required": list(properties)}


def _found(asked: Schema, searched: bool) -> Schema:
    """The schema of the answer to an item of schema `asked`."""
    answer = _object(word={"type": "string"}, score={"type": "number"})
    how = {"approximate": {"type": "boolean"}} if searched else {}
    return _with_origin(_object(query=asked, **how, answers={"type": "array", "items": answer}))


def _with_origin(result: Schema) -> Schema:
    """The schema of an answer that may tell of words whose vectors are from n-grams."""
    return result | {"properties": result["properties"] | {"from_ngrams": FROM_NGRAMS}}


def _origin(from_ngrams: Sequence[str]) -> dict[str, Any]:
    return {"from_ngrams": list(from_ngrams)} if from_ngrams else {}


def _search(served: ServedModel, options: Mapping[str, Any]) -> dict[str, Any]:
    """The options of `query`'s searches."""
    return {
        "n": options["n"],
        "candidates": candidate_ids(
            served.vectors,
            restrict_vocab=options["restrict_vocab"],
            min_count=options["min_count"],
        ),
        "exclude_query_words": not options["include_query_words"],
        "index": served.index if searches_index(served, options) else None,
    }


def _answers(
    asked: Sequence[Any], found: Sequence[query.Answers], how: Mapping[str, Any]
) -> Answers:
    approximate = how["index"] is not None
    return [
        {
            "query": item,
            "approximate": approximate,
            **_origin(answers.from_ngrams),
            "answers": _scored(answers),
        }
        for item, answers in zip(asked, found, strict=True)
    ]


def _scored(answers: Sequence[query.WordScore]) -> Answers:
    return [{"word": answer.word, "score": answer.score} for answer in answers]


def _similar(served: ServedModel, words: Sequence[str], options: Mapping[str, Any]) -> Answers:
    how = _search(served, options)
    return _answers(words, query.similar_batch(served.vectors, words, **how), how)


def _parsed(texts: Sequence[str]) -> list[Expression]:
    """Some expressions. Raises QueryError, which says of several which one is none."""
    expressions = []
    for place, text in enumerate(texts):
        try:
            expression = parse_expression(text)
            if len(expression.terms) > MAX_TERMS:
                raise QueryError(
                    f"an expression of {counted(len(expression.terms), 'word')}; expected "
                    f"{MAX_TERMS} or fewer"
                )
        except QueryError as error:
            if len(texts) == 1:
                raise
            raise QueryError(f"expressions[{place}]: {error}") from None
        expressions.append(expression)
    return expressions


def _analogy(served: ServedModel, texts: Sequence[str], options: Mapping[str, Any]) -> Answers:
    expressions = _parsed(texts)
    how = _search(served, options)
    found = query.analogy_batch(served.vectors, expressions, method=options["method"], **how)
    return _answers(texts, found, how)


def _similarity(
    served: ServedModel, pairs: Sequence[Sequence[str]], options: Mapping[str, Any]
) -> Answers:
    found = query.similarity_batch(served.vectors, pairs)
    return [
        {
            "word": pair[0],
            "other": pair[1],
            "similarity": cosine,
            **_origin(from_ngrams(served.vectors, pair)),
        }
        for pair, cosine in zip(pairs, found, strict=True)
    ]


def _odd(
    served: ServedModel, groups: Sequence[Sequence[str]], options: Mapping[str, Any]
) -> Answers:
    found = query.odd_one_out_batch(served.vectors, groups)
    return [
        {"query": group, **_origin(ranked.from_ngrams), "answers": _scored(ranked)}
        for group, ranked in zip(groups, found, strict=True)
    ]


def _vector(served: ServedModel, words: Sequence[str], options: Mapping[str, Any]) -> Answers:
    rows = lookup(served.vectors, words)
    return [
        {
            "word": word,
            "vector": row.tolist(),
            **_origin(from_ngrams(served.vectors, [word])),
        }
        for word, row in zip(words, rows, strict=True)
    ]
