// "3 new posts": listens to what the page shows, and says how much of it is new. The list itself stays as it is until the
// reader asks, for nothing is worse to read than a page that moves.

const news = document.querySelector("[data-live]");
const title = document.title;
const seen = new Set();
let source;
let cursor = "";

const show = () => {
  const count = seen.size;
  document.title = count ? `(${count}) ${title}` : title;
  if (!count) return news.replaceChildren();
  const link = document.createElement("a");
  link.href = location.pathname + location.search;
  link.textContent = count === 1 ? news.dataset.one : news.dataset.many.replace("{}", String(count));
  news.replaceChildren(link);
};

const hear = (event) => {
  cursor = event.lastEventId || cursor;
  let what;
  try {
    what = JSON.parse(event.data);
  } catch {
    return;
  }
  const id = String(what.id ?? "");
  if (!id) return;
  if (what.kind === "delete") seen.delete(id);
  else if (what.kind === "post" || what.kind === "boost" || what.kind === "notification") {
    if (document.getElementById((what.kind === "notification" ? "n" : "p") + id)) return;
    if (news.dataset.self && String(what.author ?? "") === news.dataset.self) return;
    seen.add(id);
  }
  show();
};

const listen = () => {
  if (source || document.hidden) return;
  const address = new URL("/live", location.origin);
  address.searchParams.set("streams", news.dataset.live);
  if (cursor) address.searchParams.set("since", cursor);
  source = new EventSource(address);
  source.onmessage = hear;
  for (const kind of ["post", "boost", "delete", "notification"]) source.addEventListener(kind, hear);
};
const rest = () => {
  source?.close();
  source = undefined;
};

if (news) {
  // A tab that nobody looks at holds no connection; when it is looked at again it catches up from where it was.
  document.addEventListener("visibilitychange", () => (document.hidden ? rest() : listen()));
  addEventListener("pagehide", rest);
  addEventListener("pageshow", listen);
  listen();
}
