// The composer's character counter. It counts as the server does: a grapheme cluster (Unicode's UAX #29) is one character,
// a link is 23 whatever its length, and the mention of an account elsewhere is as long as without its host.
//
// The rules are those of domain/text.py, word_boundaries.py, links.py and counting.py; tests/web/test_composer.py compares
// the two. No lookbehind and no "v" flag here: Safari before 16.4 refuses a script that has them.

const LINK = 23;
const CLUSTER = 16; // the maximum of code points that count as one character
const MAX_LINK = 2048;
const MAX_DOMAIN = 253;
const MAX_ADDRESSES = 1000;
const segmenter = "Segmenter" in Intl ? new Intl.Segmenter(undefined, { granularity: "grapheme" }) : null;

const points = (text) => [...text].length;
const pattern = (source) => new RegExp(source, "uy");
const at = (sticky, text, index) => {
  sticky.lastIndex = index;
  return sticky.exec(text);
};

const KEYCAP = "\\ufe0f?\\u20e3";
const WORD = pattern("(?!\\p{Extended_Pictographic})[\\p{L}\\p{N}_]");
const MARK = pattern("\\p{M}");
const JOINED = pattern("[\\p{M}\\u200c\\u200d]");
const EMOJI = pattern("\\p{Emoji}");
const STOP =
  "(?:[\\s\\p{Cc}\\p{Cs}<>\"`\\\\]|(?![\\u200c\\u200d])\\p{Cf}|(?![\\0-\\x7f])"
  + "[\\p{Ps}\\p{Pe}\\p{Pi}\\p{Pf}\\p{Quotation_Mark}\\p{Terminal_Punctuation}\\u2025\\u2026])";
const AUTHORITY = pattern(`(?:(?!${STOP}|[0-9#*]${KEYCAP})[^/?#]){1,${MAX_LINK}}`);
const REST = pattern(`(?:(?!${STOP}|[0-9#*]${KEYCAP})[^]){1,${MAX_LINK}}`);
const TOP =
  "(?:[xX][nN]--[A-Za-z0-9-]*[A-Za-z0-9]|\\p{Script=Latin}(?:[\\p{Script=Latin}\\p{M}0-9]"
  + `(?!${KEYCAP})|[-_](?=[A-Za-z0-9](?!${KEYCAP})))*|(?:(?!\\p{Script=Latin})[\\p{L}\\p{M}](?!${KEYCAP}))+)`;
const PART = "(?!\\p{Extended_Pictographic})[\\p{L}\\p{N}\\p{M}_\\-]";
const IPV4 = `[0-9]{1,3}(?:\\.[0-9]{1,3}){3}(?!${KEYCAP}|${PART}|\\.[\\p{L}\\p{N}])`;
const hosts = (characters, alone = "") =>
  pattern(`(?:(?:[${characters}](?!${KEYCAP})){1,63}\\.){1,126}${TOP}|${IPV4}${alone}`);
const LINK_HOST = hosts(
  "\\p{L}\\p{N}\\p{M}\\p{So}\\p{Sk}\\u200c\\u200d_\\-",
  `|[Ll][Oo][Cc][Aa][Ll][Hh][Oo][Ss][Tt](?!${PART}|\\.[\\p{L}\\p{N}])`,
);
const REMOTE_HOST = hosts("\\p{L}\\p{N}\\p{M}_\\-");
const REMOTE = pattern("([A-Za-z0-9_.-]{1,64})@(?=[\\p{L}\\p{N}\\p{M}_.-])");
const PUNCTUATION = pattern("[?!.,:;*_~'|^]|(?![\\0-\\x7f])[\\p{P}\\p{S}\\p{Extended_Pictographic}]");
const OPENING = { ")": "(", "]": "[", "}": "{" };

// domain/text.py, normalise
const normalise = (source) => {
  const tower = /(\p{M}{10})\p{M}+/gu;
  const text = source
    .replace(/\r\n?|[\x0b\x0c\x85\u2028\u2029]/g, "\n")
    .replace(/[\0-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\p{Cs}\ufeff\ufff9-\ufffb\u202d\u202e]+/gu, "")
    .replace(tower, "$1").normalize("NFC").replace(tower, "$1")
    .trimEnd();
  // The first of several lines keeps its indentation.
  const begun = text.trimStart().includes("\n") ? text.replace(/^(?:[^\S\n]*\n)+/, "") : text.trimStart();
  return begun.split("\n").map((line) => line.replace(/[ \t]+$/, "")).join("\n").replace(/\n{3,}/g, "\n\n");
};

// domain/counting.py, graphemes
const graphemes = (text) => {
  if (!segmenter) return points(text.replace(/[\p{M}\u200d]/gu, ""));
  let count = 0;
  for (const { segment } of segmenter.segment(text)) {
    count += segment.length <= CLUSTER ? 1 : Math.ceil(points(segment) / CLUSTER);
  }
  return count;
};

const previous = (text, index) =>
  (index > 1 && /[\udc00-\udfff]/.test(text[index - 1]) ? index - 2 : index - 1);

// Returns the index of the last character before an index that is no mark, or -1.
const base = (text, index, flags = MARK) => {
  let position = previous(text, index);
  while (position >= 0 && at(flags, text, position)) position = previous(text, position);
  return position;
};

const isWord = (text, start, end) => {
  if (!at(WORD, text, start)) return false;
  const flags = text.slice(start, end);
  return !flags.includes("\u20e3") && !(flags.includes("\ufe0f") && at(EMOJI, text, start));
};

const startsInside = (text, start) => {
  const before = base(text, start);
  if (before < 0) return false;
  if (at(WORD, text, before)) return isWord(text, before, start);
  const character = text.slice(before, start);
  if ("+-".includes(character) && before > 0) {
    const first = base(text, before);
    return first >= 0 && isWord(text, first, before);
  }
  return "@/=&#＃".includes(character);
};

const ascii = (written) => {
  try {
    const { hostname } = new URL(`https://${written}/`);
    return /^[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*$/.test(hostname) && hostname.length <= MAX_DOMAIN ? hostname : "";
  } catch {
    return "";
  }
};
const isOctal = (written) => /^[0-9.]+$/.test(written) && /(?:^|\.)0[0-9]/.test(written);
const linkHost = (written) => points(written) <= MAX_DOMAIN && !isOctal(written) && ascii(written) !== "";

// The hosts of accounts are host names (IDNA 2008), which is stricter than what a browser opens.
const remoteHost = (written) =>
  linkHost(written)
  && ascii(written).split(".").every((label) => /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/.test(label))
  && written.split(".").every((label) => /^[\0-\x7f]*$/.test(label) || !/^-|-$|^..--/u.test(label));

// Returns the mention of an account elsewhere that begins with the "@" at an index, as [end, length], or null.
const mention = (text, start) => {
  if (startsInside(text, start)) return null;
  const remote = at(REMOTE, text, start + 1);
  if (!remote || /^[.-]|[.-]$/.test(remote[1])) return null;
  const host = at(REMOTE_HOST, text, start + 1 + remote[0].length);
  if (!host || !remoteHost(host[0])) return null;
  return [host.index + host[0].length, 1 + remote[1].length];
};

// domain/links.py, _trimmed
const trimmed = (text, start, end) => {
  const counts = {};
  for (const bracket of "()[]{}") counts[bracket] = text.slice(start, end).split(bracket).length - 1;
  while (end > start) {
    const last = Math.max(base(text, end, JOINED), start);
    const character = text[last];
    if (character in counts) {
      const opening = OPENING[character];
      if (opening && counts[character] <= counts[opening]) break;
      counts[character] -= 1;
    } else if (!at(PUNCTUATION, text, last)) {
      break;
    }
    end = last;
  }
  return end;
};

// Returns the link whose scheme is between two indices, as [end, whether it is a link].
const address = (text, start, authority) => {
  if (start > 0 && /[@/=&#＃A-Za-z0-9_]/.test(text[start - 1])) return [authority, false];
  const written = at(AUTHORITY, text, authority);
  if (!written) return [authority, false];
  if (written[0].includes("@")) return [authority + at(REST, text, authority)[0].length, false];
  const host = at(LINK_HOST, written[0], 0);
  if (!host || !linkHost(host[0])) return [authority, false];
  const stop = authority + written[0].length;
  let end = authority + host[0].length;
  const port = /^:([0-9]{1,5})(?![0-9A-Za-z])/.exec(text.slice(end, stop));
  if (port) {
    if (Number(port[1]) < 1 || Number(port[1]) > 65535) return [authority, false];
    end += port[0].length;
  } else if (/^:[0-9A-Za-z]/.test(text.slice(end, stop))) {
    return [authority, false];
  }
  const rest = end === stop && /[/?#]/.test(text[end] ?? "") ? at(REST, text, end) : null;
  if (rest) {
    if (points(text.slice(start, end) + rest[0]) > MAX_LINK) return [end + rest[0].length, false];
    end = trimmed(text, end, end + rest[0].length);
  }
  return [end, true];
};

// domain/text.py, length
export const length = (source) => {
  const text = normalise(source);
  const trigger = /@|[hH][tT][tT][pP][sS]?:\/\//g;
  let count = 0;
  let counted = 0; // the end of the counted part
  let found = trigger.exec(text);
  for (let tries = 0; found && tries < MAX_ADDRESSES; found = trigger.exec(text), tries += 1) {
    if (found[0] === "@") {
      const remote = mention(text, found.index);
      if (remote) {
        count += graphemes(text.slice(counted, found.index)) + remote[1];
        [counted] = remote;
        trigger.lastIndex = counted;
      }
    } else {
      const [end, isLink] = address(text, found.index, trigger.lastIndex);
      if (isLink) {
        count += graphemes(text.slice(counted, found.index)) + LINK;
        counted = end;
      }
      trigger.lastIndex = end;
    }
  }
  return count + graphemes(text.slice(counted));
};

// A content warning counts as the single line that the server makes of it.
export const lineLength = (source) => graphemes(normalise(source).split(/\s+/u).filter(Boolean).join(" "));

for (const form of document.querySelectorAll("[data-composer]")) {
  const text = form.elements.text;
  const output = form.querySelector("[data-count]");
  const label = output.querySelector(".vh");
  const { summary } = form.elements;
  const limit = Number(form.dataset.limit);
  const loaded = text.value;
  const update = () => {
    const left = limit - length(text.value) - (summary ? lineLength(summary.value) : 0);
    label.textContent = output.dataset.left ?? label.textContent;
    output.replaceChildren(label, String(left));
    output.classList.toggle("over", left < 0);
    // Screen readers announce the count only near the limit.
    output.setAttribute("aria-live", left <= 20 ? "polite" : "off");
  };
  text.addEventListener("input", update);
  summary?.addEventListener("input", update);
  // Ctrl+Enter (or Command+Enter) submits.
  text.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && !event.isComposing) form.requestSubmit();
  });
  // Leaving the page with unsent text asks for confirmation.
  let sent = false;
  form.addEventListener("submit", () => { sent = true; });
  addEventListener("beforeunload", (event) => {
    if (!sent && text.value.trim() && text.value !== loaded) event.preventDefault();
  });
  update();
  // "Reply" links to #reply: focus the text, behind the names that it begins with.
  if (location.hash === `#${form.id}` || location.hash === "#c-text") {
    text.focus();
    text.setSelectionRange(text.value.length, text.value.length);
  }
}
