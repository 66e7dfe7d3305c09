// The banner "3 new posts": counts new events on the page's streams. The list itself changes only when the reader follows
// the banner, because a page that moves is hard to read. For logged-in users it also counts notifications.

const news = document.querySelector("[data-live]");
const badge = document.getElementById("unread");
const title = document.title;
const streams = new Set(news?.dataset.live.split(",") ?? []);
const onTheirPage = streams.has("notifications");
if (badge) streams.add("notifications");

const SHORTEST = 2000; // the mean time in milliseconds before the first reconnection
const LONGEST = 60000;
const STEADY = 10000; // a connection that lasted this long resets the count of failures

const seen = new Set();
const unread = new Set();
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
  if (!badge || unread.has(id) || document.getElementById(`n${id}`)) return;
  unread.add(id);
  const count = Number(badge.dataset.count) + unread.size;
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

// The stream is live from this cursor on.
const arrive = (event) => {
  cursor = event.lastEventId || cursor;
  since = Date.now();
};

// The event log no longer reaches back to the cursor of this page.
const miss = () => {
  missed = true;
  if (news) show();
};

// The connection failed or ended: 502 and 503 while the server restarts, 429, a lost network. A browser gives up after
// some of these and reconnects at once after others, together with all other pages, so this script reconnects itself.
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
  // A hidden tab holds no connection. When it is shown again, it catches up from its cursor.
  document.addEventListener("visibilitychange", () => (document.hidden ? rest() : listen()));
  addEventListener("pagehide", rest);
  addEventListener("pageshow", listen);
  addEventListener("online", listen);
  listen();
}
