// The script of all pages: theme switch, menus, keyboard shortcuts, forms that are submitted once.
// The pages work fully without it.

const root = document.documentElement;

// Theme: applied at once and stored in the cookie that the form would set.
const themes = document.querySelector("[data-themes]");
themes?.addEventListener("submit", (event) => {
  event.preventDefault();
  const chosen = event.submitter.value;
  if (chosen) root.dataset.theme = chosen;
  else delete root.dataset.theme;
  const secure = location.protocol === "https:" ? "; Secure" : "";
  document.cookie = `theme=${chosen}; Path=/; SameSite=Lax; Max-Age=${chosen ? 31536000 : 0}${secure}`;
  for (const button of themes.querySelectorAll("button")) {
    button.setAttribute("aria-pressed", String(button.value === chosen));
  }
});

// A thread opens at the requested post, not at its beginning. Back and reload keep the reader's position.
const asked = document.querySelector("article.focus");
const [arrival] = performance.getEntriesByType("navigation");
if (asked?.previousElementSibling?.matches("article") && arrival?.type === "navigate" && !location.hash) {
  asked.scrollIntoView({ behavior: "instant" });
}

// Menus: one open at a time; Escape and a click elsewhere close them.
const closeMenus = (except) => {
  for (const menu of document.querySelectorAll("details[data-menu][open]")) if (menu !== except) menu.open = false;
};
document.addEventListener("click", (event) => closeMenus(event.target.closest("details[data-menu]")));
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  const menu = document.activeElement?.closest("details[data-menu][open]");
  closeMenus();
  menu?.querySelector("summary").focus();
});

// Forms: a second press while the form is being sent does nothing; the button shows that it is busy.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || form.method !== "post") return;
  if (form.ariaBusy === "true") event.preventDefault();
  else form.ariaBusy = "true";
});
// Restored from the back/forward cache: no form is being sent any more.
addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[aria-busy]")) form.ariaBusy = null;
});

// Keyboard: j and k move the focus from post to post; the others press buttons of the focused post.
const help = document.getElementById("help");
const posts = () => [...document.querySelectorAll("article[data-post]")];
const current = () => document.activeElement?.closest("article[data-post]");
const step = (by) => {
  const all = posts();
  if (!all.length) return;
  const from = current();
  let next;
  if (from) next = all[all.indexOf(from) + by];
  else next = all.find((post) => post.getBoundingClientRect().bottom > 0);
  if (!next) return;
  next.focus({ preventScroll: true, focusVisible: true });
  next.scrollIntoView({ block: "nearest" });
};
// Keys act on the focused post only, so a key pressed by mistake does nothing.
const press = (verb) => {
  current()?.querySelector(`[data-act="${verb}"]`)?.click();
};
const write = () => {
  const text = document.getElementById("c-text");
  if (text) text.focus();
  else if (document.getElementById("act")) location.assign("/home#c-text");
};
const search = () => {
  const input = document.querySelector("main input[type=search]");
  if (input) input.focus();
  else location.assign("/search");
};
const open = () => current()?.querySelector("a.u-url")?.click();
const shortcuts = {
  j: () => step(1), k: () => step(-1), o: open, n: write, r: () => press("reply"), f: () => press("favourite"),
  b: () => press("boost"), "/": search, "?": () => help.showModal(),
};
document.addEventListener("keydown", (event) => {
  if (root.dataset.shortcuts === "off" || event.ctrlKey || event.metaKey || event.altKey || event.isComposing || help.open) return;
  if (event.target.closest("input, textarea, select, [contenteditable]")) return;
  const act = Object.hasOwn(shortcuts, event.key) && shortcuts[event.key];
  if (!act) return;
  event.preventDefault();
  act();
});
for (const button of document.querySelectorAll("[data-help]")) {
  button.hidden = false;
  button.addEventListener("click", () => help.showModal());
}

// Single-letter shortcuts can be turned off (WCAG 2.1.4): in the preferences, or here without an account.
const toggle = document.querySelector("button[data-shortcuts]");
if (toggle) {
  let off = localStorage.getItem("shortcuts") === "off";
  const set = () => {
    root.dataset.shortcuts = off ? "off" : "on";
    toggle.textContent = off ? toggle.dataset.on : toggle.dataset.off;
  };
  toggle.addEventListener("click", () => {
    off = !off;
    localStorage.setItem("shortcuts", off ? "off" : "on");
    set();
  });
  set();
}
