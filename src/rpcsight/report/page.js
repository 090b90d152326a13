"use strict";
// Without this script everything is there: it only hides findings, and opens or closes them.
(() => {
  const tools = document.getElementById("tools");
  if (!tools) return;
  const wanted = document.getElementById("wanted");
  const severity = document.getElementById("severity");
  const count = document.getElementById("count");
  const articles = Array.from(document.querySelectorAll("#list > article"));
  let texts = null;
  let waiting = 0;
  const choose = () => {
    const words = wanted.value.toLowerCase().split(/\s+/).filter(Boolean);
    if (words.length && !texts) texts = articles.map((each) => each.textContent.toLowerCase());
    let shown = 0;
    articles.forEach((each, place) => {
      const fits = (!severity.value || each.dataset.severity === severity.value) && words.every((word) => texts[place].includes(word));
      each.hidden = !fits;
      shown += fits;
    });
    count.textContent = words.length || severity.value ? `${shown} of ${articles.length}` : "";
  };
  const later = () => { clearTimeout(waiting); waiting = setTimeout(choose, 150); };
  const turn = (open) => articles.forEach((each) => { if (!each.hidden) each.firstElementChild.open = open; });
  wanted.addEventListener("input", later);
  severity.addEventListener("change", choose);
  tools.addEventListener("submit", (event) => event.preventDefault());
  document.getElementById("open").addEventListener("click", () => turn(true));
  document.getElementById("close").addEventListener("click", () => turn(false));
  const follow = () => {
    const target = /^#finding-\d+$/.test(location.hash) && document.querySelector(`#list > ${location.hash}`);
    if (target) { target.hidden = false; target.firstElementChild.open = true; target.scrollIntoView(); }
  };
  addEventListener("hashchange", follow);
  follow();
  tools.hidden = false;
})();
