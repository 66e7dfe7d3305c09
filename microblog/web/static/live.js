// "3 new posts": listens to what the page shows, and says how much of it is new. The list itself stays as it is until the
// reader asks, for nothing is worse to read than a page that moves. For those who are logged in it counts notifications.

const news = document.querySelector("[data-live]");
const badge = document.getElementById("unread");
const title = document.title;
const streams = new Set(news?.dataset.live.split(",") ?? []);
const onTheirPage = streams.has("notifications");
if (badge) streams.add("notifications");

const SHORTEST = 2000; // milliseconds before the first attempt to come back, on average
const LONGEST = 60000;
const STEADY = 10000; // a connection that lasted so long was a good one

const seen = new Set();
const told = new Set();
let source;
let timer;
let failures = 0;
let since = 0;
let missed = false;
let cursor = news?.dataset.since ?? "";

const show = () => {
  const count = seen.size;
  document.title = count ? `(${count}) ${title}` : title;
  if (!count && !missed) return news.replaceChildren();
  const link = document.createElement("a");
  link.href = location.pathname;
  const counted = count === 1 ? news.dataset.one : news.dataset.many.replace("{}", String(count));
  link.textContent = missed ? news.dataset.gap : counted;
  news.replaceChildren(link);
};

const notify = (id) => {
  if (!badge || told.has(id) || document.getElementById(`n${id}`)) return;
  told.add(id);
  const count = Number(badge.dataset.count) + told.size;
  badge.firstElementChild.textContent = count > 99 ? "99+" : String(count);
  badge.hidden = false;
};

const hear = (event) => {
  cursor = event.lastEventId || cursor;
  let what;
  try {
    what = JSON.parse(event.data);
  } catch {
    return;
  }
  const { kind, id, author } = what;
  if (!id) return;
  if (kind === "notification") notify(id);
  if (!news || (kind === "notification") !== onTheirPage) return;
  if (kind === "delete") seen.delete(id);
  else if (author === news.dataset.self || document.getElementById((onTheirPage ? "n" : "p") + id)) return;
  else seen.add(id);
  show();
};

// The stream is live from here on.
const arrive = (event) => {
  cursor = event.lastEventId || cursor;
  since = Date.now();
};

// The log no longer goes back to where this page stopped.
const miss = () => {
  missed = true;
  if (news) show();
};

// The connection failed or ended: 502 and 503 while the server restarts, 429, a lost network. A browser gives up after
// some of these and comes back at once after others, together with all other pages, so the page decides by itself.
const lose = () => {
  rest();
  if (since && Date.now() - since > STEADY) failures = 0;
  since = 0;
  const most = Math.min(SHORTEST * 2 ** failures, LONGEST);
  failures += 1;
  timer = setTimeout(listen, most * (0.5 + Math.random()));
};

const listen = () => {
  clearTimeout(timer);
  timer = undefined;
  if (source || document.hidden) return;
  const address = new URL("/live", location.origin);
  address.searchParams.set("streams", [...streams].join(","));
  if (cursor) address.searchParams.set("since", cursor);
  source = new EventSource(address);
  for (const kind of ["post", "boost", "delete", "notification"]) source.addEventListener(kind, hear);
  source.addEventListener("gap", miss);
  source.addEventListener("cursor", arrive);
  source.addEventListener("error", lose);
};
const rest = () => {
  clearTimeout(timer);
  timer = undefined;
  source?.close();
  source = undefined;
};

if (streams.size) {
  // A tab that nobody looks at holds no connection; when it is looked at again it catches up from where it was.
  document.addEventListener("visibilitychange", () => (document.hidden ? rest() : listen()));
  addEventListener("pagehide", rest);
  addEventListener("pageshow", listen);
  addEventListener("online", listen);
  listen();
}
