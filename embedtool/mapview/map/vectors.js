"use strict";
// Words and their vectors: what is near to what.
// In: the parts of the page. Out: Model, which answers expressions.

/** An error whose text has words in it: a list of strings, and of {word} for each of the words. */
class QueryError extends Error {
  constructor(...parts) {
    super(parts.map((part) => part.word ?? part).join(""));
    this.parts = parts;
  }
}

/** The bytes of a part: from the page itself, or from where it came from. */
async function bytesOf(name) {
  const element = document.getElementById(name);
  if (element) {
    const bytes = decoded(element.textContent);
    element.remove();
    return bytes.buffer;
  }
  const answer = await fetch(`parts/${name}`);
  if (!answer.ok) throw new Error((await answer.text()) || `${name}: ${answer.status}`);
  return answer.arrayBuffer();
}

function decoded(text) {
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(text);
  const padding = text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0;
  const bytes = new Uint8Array((text.length / 4) * 3 - padding);
  const step = 4 * 2 ** 16; // characters that are decoded in one go
  for (let begin = 0, at = 0; begin < text.length; begin += step) {
    const piece = atob(text.slice(begin, begin + step));
    for (let i = 0; i < piece.length; i++) bytes[at++] = piece.charCodeAt(i);
  }
  return bytes;
}

/** The least length of a sum of unit vectors, as a share of its weights, that is no rounding. */
const LEAST_LENGTH = 1e-6;

/** The weighted words of `king - man + woman`, as the command line reads them. */
function parsed(text) {
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
    const found = weighted.exec(tokens[i + 1]);
    const weight = found ? Number(found[1]) : 1;
    terms.push([signs.get(tokens[i]) * weight, found ? found[2] : tokens[i + 1]]);
  }
  return terms;
}

class Model {
  /** A model of `about`, its words and vectors still to be loaded. */
  constructor(place, about) {
    Object.assign(this, { place, ...about });
  }

  async part(kind) {
    return bytesOf(`${this.place}-${kind}`);
  }

  /** Words and vectors: all that a question needs. */
  async load() {
    const [words, counts, vectors] = await Promise.all(
      ["words", "counts", "vectors"].map((kind) => this.part(kind)),
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

  /** The id of a word as it is written, or in small letters. */
  idOf(word) {
    const id = this.ids.get(word) ?? this.ids.get(word.toLowerCase());
    if (id === undefined) throw this.unknown(word);
    return id;
  }

  unknown(word) {
    const like = this.beginningWith(word.slice(0, Math.max(2, word.length - 2)), 3);
    const hint = like.flatMap((each, i) => [i ? ", " : "; there are ", { word: each }]);
    const among = `” is not among the ${this.nWords.toLocaleString("en")} words`;
    if (/^\(.|.\)$/.test(word)) {
      return new QueryError("“", { word }, among, "; write king - man + woman without parentheses.");
    }
    return new QueryError("“", { word }, among, ...hint, ".");
  }

  /** The most frequent words that begin so. */
  beginningWith(prefix, n) {
    const found = [];
    const small = prefix.toLowerCase();
    for (let id = 0; id < this.nWords && found.length < n && small; id++) {
      if (this.words[id].toLowerCase().startsWith(small)) found.push(this.words[id]);
    }
    return found;
  }

  /** The weighted words of a text: one, where it is a word as it stands, spaces and all. */
  parsed(text) {
    return this.ids.has(text) ? [[1, text]] : parsed(text);
  }

  /** The n words nearest to an expression, and its own: cosines with the sum of unit vectors. */
  nearest(text, n) {
    const terms = this.parsed(text).map(([weight, word]) => [weight, this.idOf(word)]);
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
    if (Math.hypot(...query) <= LEAST_LENGTH * weights) {
      throw new QueryError("“", { word: text }, "” is nothing at all: the words cancel out.");
    }
    const own = terms.map(([, id]) => id);
    const scores = this.cosines(query);
    const answers = best(scores, n + own.length).filter((id) => !own.includes(id));
    return { own, answers: answers.slice(0, n).map((id) => ({ id, score: scores[id] })) };
  }

  /** float32 (n_words,) */
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

/** The places of the n largest scores, largest first; of equal ones the first. */
function best(scores, n) {
  const found = [];
  let least = -Infinity;
  for (let id = 0; id < scores.length; id++) {
    if (found.length === n && scores[id] <= least) continue;
    let at = found.length;
    while (at > 0 && scores[found[at - 1]] < scores[id]) at--;
    found.splice(at, 0, id);
    if (found.length > n) found.pop();
    least = scores[found[found.length - 1]];
  }
  return found;
}
