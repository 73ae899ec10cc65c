// Puts the widget on the page as a website would, for the channel named in the address or by the server.
const chosen = new URLSearchParams(location.search).get("channel");
const channel = chosen || document.querySelector('meta[name="parley-channel"]').content;
const ask = document.getElementById("ask");

if (channel) {
  const script = document.createElement("script");
  script.src = "/widget.js";
  script.async = true;
  script.dataset.channel = channel;
  script.dataset.color = "#2f6b46";
  document.head.append(script);
  ask.addEventListener("click", () => {
    window.parley = window.parley || [];
    window.parley.push(["open"]);
  });
} else {
  ask.disabled = true;
  document.getElementById("note").textContent =
    "No chat to show yet: connect a website chat in Parley's settings, then load this page again.";
}
