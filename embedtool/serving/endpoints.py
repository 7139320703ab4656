"""The endpoints of a served model: their parameters, checks and answers.

The HTTP API, its OpenAPI document and the MCP tools are all made from the table `endpoints`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from embedtool.config.choices import METHODS, N_ANSWERS
from embedtool.errors import NoAnswerError, QueryError
from embedtool.messages import counted
from embedtool.model.vectors import VectorTable
from embedtool.search import query
from embedtool.search.ann import AnnIndex
from embedtool.search.answers import Answers, WordScore
from embedtool.search.batching import answers_or_errors
from embedtool.search.candidates import candidate_ids
from embedtool.search.expression import Expression, parse_expression
from embedtool.search.lookup import from_ngrams, lookup
from embedtool.serving.limits import MAX_INTEGER, MAX_N, MAX_TERMS, MAX_WORDS
from embedtool.serving.schemas import (
    EXPRESSION,
    FROM_NGRAMS,
    UNKNOWN,
    WORD,
    Schema,
    array_of,
    check_value,
    object_of,
    parse_parameter,
)

Records = list[dict[str, Any]]

ITEM_KEYS = ("query", "word", "other")
"""Keys of an answer that repeat the item it answers."""
MIN_GROUP = 3
"""Minimum words of a group: of two words neither is odd."""


@dataclass(frozen=True)
class ServedModel:
    """A model that is served, and the limits of a request.

    Attributes
    ----------
    index : AnnIndex or None
        The index for approximate searches, if one is open.
    max_words : int
        Maximum items of one request: words, expressions, pairs or groups.
    max_n : int
        Maximum answers to each item.
    name : str
        The name of the model's folder.
    checksum : str
        The checksum of the model in its config.json.
    """

    vectors: VectorTable
    index: AnnIndex | None = None
    max_words: int = MAX_WORDS
    max_n: int = MAX_N
    name: str = ""
    checksum: str = ""

    @property
    def about(self) -> dict[str, Any]:
        """The model's identity, of schema ABOUT."""
        words, size = self.vectors.n_words, self.vectors.vector_size
        return {"name": self.name, "words": words, "vector_size": size, "checksum": self.checksum}


@dataclass(frozen=True)
class Endpoint:
    """A kind of query to a model, which takes one item (GET) or several (POST, MCP).

    Attributes
    ----------
    name : str
        The MCP tool's name; the path has "-" for "_".
    summary : str
        One sentence.
    item_parameters : dict of str to Schema
        Parameters of a GET request that make up one item.
    items_key : str
        The key of the list of items in a POST request or a tool's arguments.
    items_schema : Schema
        Schema of that list.
    options : dict of str to Schema
        Parameters that apply to all items.
    result_schema : Schema
        Schema of the answer to one item; the last required property is the answer proper.
    answer : callable
        Takes the model, items and all options, and returns an answer for each item. Raises
        NoAnswerError, which names all items that have none.
    """

    name: str
    summary: str
    item_parameters: dict[str, Schema]
    items_key: str
    items_schema: Schema
    options: dict[str, Schema]
    result_schema: Schema
    answer: Callable[[ServedModel, Sequence[Any], Mapping[str, Any]], Records]

    @property
    def answer_key(self) -> str:
        """The key of a result that has the answer proper."""
        return str(self.result_schema["required"][-1])

    @property
    def item_keys(self) -> list[str]:
        """The keys of a result that repeat the item."""
        return [name for name in self.result_schema["required"] if name in ITEM_KEYS]

    def answer_each(
        self, served: ServedModel, items: Sequence[Any], options: Mapping[str, Any]
    ) -> Records:
        """Return the answers to items; null and the reason for an item without an answer."""
        batch = answers_or_errors(lambda some: self.answer(served, some, options), items)
        answers = []
        for item, answer in zip(items, batch, strict=True):
            if isinstance(answer, NoAnswerError):
                named = zip(
                    self.item_keys, item if len(self.item_keys) > 1 else [item], strict=True
                )
                answer = {**dict(named), self.answer_key: None, **answer.details()}
            answers.append(answer)
        return answers

    @property
    def request_schema(self) -> Schema:
        """The schema of a POST request's body, and of a tool's arguments."""
        return {
            "type": "object",
            "properties": {self.items_key: self.items_schema, **self.options},
            "required": [self.items_key],
            "additionalProperties": False,
        }

    @property
    def response_schema(self) -> Schema:
        """The schema of the answer to a POST request or a tool call."""
        properties = self.result_schema["properties"]
        unanswered = object_of(
            **{name: properties[name] for name in self.item_keys},
            **{self.answer_key: {"type": "null"}, "reason": {"type": "string"}},
        )
        unanswered["properties"]["unknown"] = UNKNOWN
        result: Schema = {"anyOf": [self.result_schema, unanswered]}
        return object_of(results={"type": "array", "items": result})

    def parse_json(self, given: Any) -> tuple[list[Any], dict[str, Any]]:
        """Return the items and options of a JSON object.

        Raises QueryError if it does not conform to `request_schema`.
        """
        if not isinstance(given, dict):
            raise QueryError(f'expected a JSON object, as in {{"{self.items_key}": [...]}}')
        self._check_names(given, (self.items_key,))
        items = check_value(self.items_key, given[self.items_key], self.items_schema)
        return items, self._options(given)

    def parse_query(self, given: Mapping[str, Sequence[str]]) -> tuple[Any, dict[str, Any]]:
        """Return the item and options of a URL's parameters. Raises QueryError."""
        self._check_names(given, self.item_parameters)
        schemas = self.item_parameters | self.options
        typed = {name: parse_parameter(name, given[name], schemas[name]) for name in given}
        item = [
            check_value(name, typed[name], schema) for name, schema in self.item_parameters.items()
        ]
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
            name: check_value(name, given[name], schema) if name in given else schema.get("default")
            for name, schema in self.options.items()
        }


def searches_index(served: ServedModel, options: Mapping[str, Any]) -> bool:
    """Return whether a request with these options is answered from the index.

    This is the case if there is an index, unless the options need the exact search.

    Raises
    ------
    QueryError
        If the options ask for an index, and none is open.
    """
    approximate = options["approximate"]
    if approximate is not None:
        if approximate and served.index is None:
            raise QueryError(
                "the server has no index open (option approximate of `embedtool serve`)"
            )
        return bool(approximate)
    limited = options["restrict_vocab"] is not None or options["min_count"] is not None
    return served.index is not None and not limited and options.get("method") != "3cosmul"


def endpoints(served: ServedModel) -> list[Endpoint]:
    """Return all endpoints, with the limits of a server."""
    n = served.max_words
    search = _search_options(served.max_n)
    method: Schema = {
        "type": "string", "enum": list(METHODS), "default": METHODS[0],
        "description": "3cosadd: cosine with the sum; 3cosmul: product of the similarities.",
    }  # fmt: skip
    group = array_of(WORD, MIN_GROUP, max(MIN_GROUP, n))
    return [
        Endpoint(
            "similar", "The words nearest to a word, by cosine.",
            {"word": WORD}, "words", array_of(WORD, 1, n), search, _ranking(WORD, True), _similar,
        ),
        Endpoint(
            "analogy",
            "The words nearest to an expression such as king - man + woman, or man king woman.",
            {"expression": EXPRESSION}, "expressions", array_of(EXPRESSION, 1, n),
            {"method": method, **search}, _ranking(EXPRESSION, True), _analogy,
        ),
        Endpoint(
            "similarity", "The cosine of two words, from -1 to 1.",
            {"word": WORD, "other": WORD}, "pairs", array_of(array_of(WORD, 2, 2), 1, n), {},
            _with_origin(object_of(word=WORD, other=WORD, similarity={"type": "number"})),
            _similarity,
        ),
        Endpoint(
            "odd_one_out",
            "Words by their cosine with the mean of all of them; the odd one comes first.",
            {"word": group}, "groups", array_of(group, 1, n), {}, _ranking(group, False), _odd,
        ),
        Endpoint(
            "vector", "The numbers of a word's vector.",
            {"word": WORD}, "words", array_of(WORD, 1, n), {},
            _with_origin(
                object_of(word=WORD, vector={"type": "array", "items": {"type": "number"}})
            ),
            _vector,
        ),
    ]  # fmt: skip


def _search_options(max_n: int) -> dict[str, Schema]:
    def integer(maximum: int, description: str) -> Schema:
        return {"type": "integer", "minimum": 1, "maximum": maximum, "description": description}

    n = integer(max_n, "Number of answers.")
    n["default"] = min(N_ANSWERS, max_n)
    return {
        "n": n,
        "restrict_vocab": integer(MAX_INTEGER, "Search only among the N most frequent words."),
        "min_count": integer(MAX_INTEGER, "Search only among words with this count or more."),
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


def _ranking(item: Schema, searched: bool) -> Schema:
    """Return the schema of an answer that ranks words."""
    answer = object_of(word={"type": "string"}, score={"type": "number"})
    how = {"approximate": {"type": "boolean"}} if searched else {}
    return _with_origin(object_of(query=item, **how, answers={"type": "array", "items": answer}))


def _with_origin(result: Schema) -> Schema:
    """Return the schema of an answer that names words whose vectors come only from n-grams."""
    return result | {"properties": result["properties"] | {"from_ngrams": FROM_NGRAMS}}


def _origin(words: Sequence[str]) -> dict[str, Any]:
    return {"from_ngrams": list(words)} if words else {}


def _search(served: ServedModel, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of `query`'s searches."""
    return {
        "n": options["n"],
        "candidates": candidate_ids(
            served.vectors,
            restrict_vocab=options["restrict_vocab"],
            min_count=options["min_count"],
        ),
        "include_query_words": options["include_query_words"],
        "index": served.index if searches_index(served, options) else None,
    }


def _answers(items: Sequence[Any], ranked: Sequence[Answers], search: Mapping[str, Any]) -> Records:
    approximate = search["index"] is not None
    return [
        {
            "query": item,
            "approximate": approximate,
            **_origin(answers.from_ngrams),
            "answers": _scored(answers),
        }
        for item, answers in zip(items, ranked, strict=True)
    ]


def _scored(answers: Sequence[WordScore]) -> Records:
    return [{"word": answer.word, "score": answer.score} for answer in answers]


def _similar(served: ServedModel, words: Sequence[str], options: Mapping[str, Any]) -> Records:
    search = _search(served, options)
    return _answers(words, query.similar_batch(served.vectors, words, **search), search)


def _parse_expressions(texts: Sequence[str]) -> list[Expression]:
    """Return parsed expressions. Raises QueryError, which names the faulty one of several."""
    expressions = []
    for i, text in enumerate(texts):
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
            raise QueryError(f"expressions[{i}]: {error}") from None
        expressions.append(expression)
    return expressions


def _analogy(served: ServedModel, texts: Sequence[str], options: Mapping[str, Any]) -> Records:
    expressions = _parse_expressions(texts)
    search = _search(served, options)
    ranked = query.analogy_batch(served.vectors, expressions, method=options["method"], **search)
    return _answers(texts, ranked, search)


def _similarity(
    served: ServedModel, pairs: Sequence[Sequence[str]], options: Mapping[str, Any]
) -> Records:
    cosines = query.similarity_batch(served.vectors, pairs)
    return [
        {
            "word": pair[0],
            "other": pair[1],
            "similarity": cosine,
            **_origin(from_ngrams(served.vectors, pair)),
        }
        for pair, cosine in zip(pairs, cosines, strict=True)
    ]


def _odd(
    served: ServedModel, groups: Sequence[Sequence[str]], options: Mapping[str, Any]
) -> Records:
    rankings = query.odd_one_out_batch(served.vectors, groups)
    return [
        {"query": group, **_origin(ranked.from_ngrams), "answers": _scored(ranked)}
        for group, ranked in zip(groups, rankings, strict=True)
    ]


def _vector(served: ServedModel, words: Sequence[str], options: Mapping[str, Any]) -> Records:
    rows = lookup(served.vectors, words)
    return [
        {
            "word": word,
            "vector": row.tolist(),
            **_origin(from_ngrams(served.vectors, [word])),
        }
        for word, row in zip(words, rows, strict=True)
    ]
