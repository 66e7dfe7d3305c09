// The composer's counter. It counts as the server does: what a reader sees as one character is one (grapheme clusters,
// Unicode's UAX #29), a link is 23 whatever its length, and a mention of somebody elsewhere is as long as one here.

const LINK = 23;
const segmenter = "Segmenter" in Intl ? new Intl.Segmenter(undefined, { granularity: "grapheme" }) : null;
const link = /(?<![\p{L}\p{N}_@/])https?:\/\/[^\s<>"]+/giu;
const elsewhere = /(?<![\p{L}\p{N}_/@.])(@[a-z0-9_]+)@[\p{L}\p{N}.-]+\.[\p{L}\p{N}-]+/giu;

const clusters = (text) => (segmenter ? [...segmenter.segment(text)].length : [...text].length);

export const length = (source) => {
  let links = 0;
  const text = source
    .normalize("NFC").replace(/\r\n?/g, "\n").trim()
    .replace(link, (url) => {
      links += 1;
      // What follows a sentence's link belongs to the sentence.
      let end = url;
      for (;;) {
        const shorter = end.replace(/[.,:;!?'"*_~]+$/u, "");
        const open = shorter.split("(").length;
        const cut = shorter.endsWith(")") && shorter.split(")").length > open ? shorter.slice(0, -1) : shorter;
        if (cut === end) break;
        end = cut;
      }
      return url.slice(end.length);
    })
    .replace(elsewhere, "$1");
  return clusters(text) + links * LINK;
};

for (const form of document.querySelectorAll("[data-composer]")) {
  const text = form.elements.text;
  const output = form.querySelector("[data-count]");
  const label = output.querySelector(".vh");
  const limit = Number(form.dataset.limit);
  const loaded = text.value;
  const update = () => {
    const left = limit - length(text.value);
    label.textContent = output.dataset.left ?? label.textContent;
    output.replaceChildren(label, String(left));
    output.classList.toggle("over", left < 0);
    // Only near the end is it worth a screen reader's breath.
    output.setAttribute("aria-live", left <= 20 ? "polite" : "off");
  };
  text.addEventListener("input", update);
  // Ctrl+Enter (or Command+Enter) sends.
  text.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && !event.isComposing) form.requestSubmit();
  });
  // Leaving with something unsent asks first.
  let sent = false;
  form.addEventListener("submit", () => { sent = true; });
  addEventListener("beforeunload", (event) => {
    if (!sent && text.value.trim() && text.value !== loaded) event.preventDefault();
  });
  update();
  // "Reply" leads to #reply: write at once, behind the name that stands there already.
  if (location.hash === `#${form.id}` || location.hash === "#c-text") {
    text.focus();
    text.setSelectionRange(text.value.length, text.value.length);
  }
}
