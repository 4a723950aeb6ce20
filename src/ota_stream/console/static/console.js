// What moves on a page stands still while something on it is open; when nothing is any more, the newest picture comes.
"use strict";
(() => {
  let held = null;
  const isRead = (part) => part.querySelector("details[open]") !== null;

  document.addEventListener("htmx:sseBeforeMessage", (event) => {
    held = isRead(event.target) ? { part: event.target, picture: event.detail.data } : null;
    if (held !== null) event.preventDefault();
  });

  const onToggle = () => {
    if (held === null || isRead(held.part)) return;
    htmx.swap(held.part, held.picture, { swapStyle: "innerHTML" });
    held = null;
  };
  document.addEventListener("toggle", onToggle, true); // it does not bubble
})();
