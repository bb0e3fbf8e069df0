// Gives the terminal the keys as soon as it is there: a keyboard alone must do.
const waiting = setInterval(() => {
  const input = document.querySelector(".xterm-helper-textarea");
  if (input) {
    input.focus();
    clearInterval(waiting);
  }
}, 50);
