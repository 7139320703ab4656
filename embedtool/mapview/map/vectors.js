"use strict";
// Words and their vectors: Model answers expressions by nearest words.

/** An error whose message is a list of strings and, for each word in it, of {word}. */
class QueryError extends Error {
  constructor(...parts) {
    super(parts.map((part) => part.word ?? part).join(""));
    this.parts = parts;
  }
}

/** Return the bytes of a payload, embedded in the page or fetched from its server. */
async function fetchPayload(name) {
  const element = document.getElementById(name);
  if (element) {
    const bytes = decodeBase64(element.textContent);
    element.remove();
    return bytes.buffer;
  }
  const answer = await fetch(`payloads/${name}`);
  if (!answer.ok) throw new Error((await answer.text()) || `${name}: ${answer.status}`);
  return answer.arrayBuffer();
}

function decodeBase64(text) {
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(text);
  const padding = text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0;
  const bytes = new Uint8Array((text.length / 4) * 3 - padding);
  const step = 4 * 2 ** 16; // characters that are decoded at a time
  for (let begin = 0, at = 0; begin < text.length; begin += step) {
    const block = atob(text.slice(begin, begin + step));
    for (let i = 0; i < block.length; i++) bytes[at++] = block.charCodeAt(i);
  }
  return bytes;
}

/** A sum of unit vectors shorter than this fraction of its weights is zero but for rounding. */
const MIN_LENGTH = 1e-6;

/** Parse `king - man + woman` into [weight, word] pairs, as the command line does. */
function parseExpression(text) {
  const number = "[+-]?(?:\\d+\\.?\\d*|\\.\\d+)(?:[eE][+-]?\\d+)?";
  const weighted = new RegExp(`^(${number})\\*(.+)$`, "s");
  const spaced = new RegExp(`(?<!\\S)(${number})\\s*\\*\\s*(?=\\S)`, "g");
  const signs = new Map([..."+\uff0b"].map((sign) => [sign, 1]));
  for (const sign of "-\u2010\u2011\u2012\u2013\u2014\u2212\uff0d") signs.set(sign, -1);
  const tokens = text.replace(spaced, "$1*").split(" ").filter((token) => token);
  if (tokens.length === 1) return [[1, tokens[0]]];
  if (tokens.length === 3 && !tokens.some((token) => signs.has(token) || weighted.test(token))) {
    return [[1, tokens[1]], [-1, tokens[0]], [1, tokens[2]]];
  }
  if (!signs.has(tokens[0])) tokens.unshift("+");
  const terms = [];
  for (let i = 0; i < tokens.length; i += 2) {
    if (!signs.has(tokens[i]) || i + 1 === tokens.length || signs.has(tokens[i + 1])) {
      throw new QueryError("Write words with spaces around + and -, as in king - man + woman.");
    }
    const match = weighted.exec(tokens[i + 1]);
    const weight = match ? Number(match[1]) : 1;
    terms.push([signs.get(tokens[i]) * weight, match ? match[2] : tokens[i + 1]]);
  }
  return terms;
}

class Model {
  /** `metadata`: the model's entry in #metadata. Words and vectors are loaded by `load`. */
  constructor(index, metadata) {
    Object.assign(this, { index, ...metadata });
  }

  async payload(kind) {
    return fetchPayload(`${this.index}-${kind}`);
  }

  /** Load words and vectors, which are all that a query needs. */
  async load() {
    const [words, counts, vectors] = await Promise.all(
      ["words", "counts", "vectors"].map((kind) => this.payload(kind)),
    );
    this.words = JSON.parse(new TextDecoder().decode(words));
    this.ids = new Map(this.words.map((word, id) => [word, id]));
    this.counts = counts.byteLength ? new Float64Array(counts) : null;
    this.vectors = new Int8Array(vectors);
    this.lengths = new Float32Array(this.nWords);
    for (let id = 0; id < this.nWords; id++) {
      let sum = 0;
      for (const value of this.row(id)) sum += value * value;
      this.lengths[id] = Math.sqrt(sum);
    }
  }

  row(id) {
    return this.vectors.subarray(id * this.size, (id + 1) * this.size);
  }

  /** Return the id of a word as it is written, or in lower case. */
  idOf(word) {
    const id = this.ids.get(word) ?? this.ids.get(word.toLowerCase());
    if (id === undefined) throw this.unknown(word);
    return id;
  }

  unknown(word) {
    const suggestions = this.withPrefix(word.slice(0, Math.max(2, word.length - 2)), 3);
    const hint = suggestions.flatMap((each, i) => [i ? ", " : "; there are ", { word: each }]);
    const among = `” is not among the ${this.nWords.toLocaleString("en")} words`;
    if (/^\(.|.\)$/.test(word)) {
      return new QueryError("“", { word }, among, "; write king - man + woman without parentheses.");
    }
    return new QueryError("“", { word }, among, ...hint, ".");
  }

  /** Return the n most frequent words with a prefix. */
  withPrefix(prefix, n) {
    const words = [];
    const lowercase = prefix.toLowerCase();
    for (let id = 0; id < this.nWords && words.length < n && lowercase; id++) {
      if (this.words[id].toLowerCase().startsWith(lowercase)) words.push(this.words[id]);
    }
    return words;
  }

  /** Parse an expression; a text that is a word, spaces included, is that word. */
  parse(text) {
    return this.ids.has(text) ? [[1, text]] : parseExpression(text);
  }

  /** Return an expression's own ids, and the n nearest words by cosine with the sum of unit vectors. */
  nearest(text, n) {
    const terms = this.parse(text).map(([weight, word]) => [weight, this.idOf(word)]);
    const query = new Float64Array(this.size);
    let weights = 0;
    for (const [weight, id] of terms) {
      if (!this.lengths[id]) {
        throw new QueryError(
          "The vector of “", { word: this.words[id] }, "” is all zeros: it has no direction.");
      }
      const row = this.row(id);
      const scale = weight / Math.hypot(...row);
      for (let i = 0; i < this.size; i++) query[i] += scale * row[i];
      weights += Math.abs(weight);
    }
    if (Math.hypot(...query) <= MIN_LENGTH * weights) {
      throw new QueryError("“", { word: text }, "” is zero: the words cancel out.");
    }
    const own = terms.map(([, id]) => id);
    const scores = this.cosines(query);
    const answers = topK(scores, n + own.length).filter((id) => !own.includes(id));
    return { own, answers: answers.slice(0, n).map((id) => ({ id, score: scores[id] })) };
  }

  /** Return the cosine of each word with a vector, float32 (n_words,). */
  cosines(query) {
    const { size, vectors, lengths, nWords } = this;
    const length = Math.hypot(...query);
    const scores = new Float32Array(nWords);
    for (let id = 0, at = 0; id < nWords; id++) {
      let sum = 0;
      for (let i = 0; i < size; i++) sum += query[i] * vectors[at++];
      scores[id] = length && lengths[id] ? sum / (length * lengths[id]) : 0;
    }
    return scores;
  }
}

/** Return the indices of the n largest scores, largest first; of equal ones the first. */
function topK(scores, n) {
  const indices = [];
  let least = -Infinity;
  for (let id = 0; id < scores.length; id++) {
    if (indices.length === n && scores[id] <= least) continue;
    let at = indices.length;
    while (at > 0 && scores[indices[at - 1]] < scores[id]) at--;
    indices.splice(at, 0, id);
    if (indices.length > n) indices.pop();
    least = scores[indices[indices.length - 1]];
  }
  return indices;
}
