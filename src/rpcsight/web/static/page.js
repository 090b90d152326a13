"use strict";
// A quiet line when something came; keys to go through the list. Without this file all pages work all the same.
(function () {
  const line = document.querySelector("[data-live]");
  if (line && line.dataset.live && "EventSource" in window) {
    const ask = async function () {
      try {
        const answer = await fetch(line.dataset.live, { headers: { Accept: "application/json" } });
        const text = answer.ok ? (await answer.json()).text : "";
        if (!text || line.dataset.shown === text) return;
        const link = document.createElement("a");
        link.href = location.pathname + location.search.replace(/([?&])done=[a-z]+/, "$1");
        link.textContent = "show";
        line.replaceChildren(text + ": ", link);
        line.dataset.shown = text;
      } catch (error) {
        // the server is away: the next event asks again
      }
    };
    const source = new EventSource(line.dataset.events);
    source.addEventListener("state", ask);
    window.addEventListener("pagehide", function () { source.close(); });
  }

  const all = document.querySelector("[data-tick-all]");
  if (all) {
    const boxes = Array.from(document.querySelectorAll("input[form=ticks]"));
    const button = document.querySelector("[data-close]");
    const words = all.textContent;
    const tell = function () {
      const count = boxes.filter(function (each) { return each.checked; }).length;
      button.textContent = count ? "Close " + count + " ticked…" : "Close ticked…";
      button.disabled = !count;
      all.textContent = count === boxes.length ? "Tick none" : words;
    };
    all.addEventListener("click", function (event) {
      event.preventDefault();
      const wanted = boxes.some(function (each) { return !each.checked; });
      boxes.forEach(function (each) { each.checked = wanted; });
      tell();
    });
    document.addEventListener("change", tell);
    window.addEventListener("pageshow", tell);
    tell();
  }

  const rows = Array.from(document.querySelectorAll("tr[data-finding]"));
  const told = document.querySelector("[data-keys]");
  if (!rows.length) return;
  if (told) told.hidden = false;
  let here = -1;
  const go = function (place) {
    if (place < 0 || place >= rows.length) return;
    if (here >= 0) rows[here].classList.remove("here");
    here = place;
    rows[here].classList.add("here");
    rows[here].querySelector("a").focus();
    rows[here].scrollIntoView({ block: "nearest" });
  };
  document.addEventListener("keydown", function (event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.type !== "checkbox" && /^(INPUT|SELECT|TEXTAREA|BUTTON)$/.test(event.target.tagName)) return;
    if (event.key === "j") go(here + 1);
    else if (event.key === "k") go(here - 1);
    else if (event.key === "x" && here >= 0 && all) rows[here].querySelector("input").click();
    else if (event.key === "/") document.getElementById("q").focus();
    else return;
    event.preventDefault();
  });
})();
