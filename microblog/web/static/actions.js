// Favourite, boost and bookmark without a reload: the script sends the button's form and replaces the row of buttons with
// the one in the answer. If anything fails, it submits the form as usual and the server shows the error.

const form = document.getElementById("act");

document.addEventListener("click", async (event) => {
  const button = event.target.closest("button[data-act][formaction]");
  if (!button || !form) return;
  event.preventDefault();
  const row = button.closest("[data-actions]");
  if (row.ariaBusy === "true") return;
  row.ariaBusy = "true";
  const { act } = button.dataset;
  try {
    const answer = await fetch(button.formAction, {
      method: "POST",
      body: new URLSearchParams(new FormData(form)),
      headers: { "X-Fragment": "post" },
      redirect: "error",
      signal: AbortSignal.timeout(15000),
    });
    if (!answer.ok) throw new Error(answer.statusText);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.querySelector("[data-actions]");
    if (!fresh) throw new Error("no actions");
    const focused = row.contains(document.activeElement);
    for (const old of document.querySelectorAll(`[data-actions="${row.dataset.actions}"]`)) {
      const place = old === row ? fresh : fresh.cloneNode(true);
      old.replaceWith(document.adoptNode(place));
    }
    if (focused) fresh.querySelector(`[data-act="${act}"]`)?.focus();
  } catch {
    row.ariaBusy = null;
    if (document.contains(button)) form.requestSubmit(button);
  }
});
