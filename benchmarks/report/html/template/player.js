// Players: all takes of a clip run at once, and a switch moves gains; else audio elements play in turn.
let context = null, pauseOther = () => {};
for (const root of document.querySelectorAll(".player")) {
  const part = (name) => root.querySelector(`.${name}`);
  const [button, slider, loop] = ["play", "position", "loop"].map(part);
  const [rows, conventions] = ["row", "convention"].map((end) =>
    [...root.querySelectorAll(`input[name$="-${end}"]`)]);
  const checked = (group) => group.find((one) => one.checked).value;
  const takes = new Map([...root.querySelectorAll(".take")].map((figure) =>
    [figure.dataset.take, { figure, audio: figure.querySelector("audio") }]));
  const take = (row) => takes.get(row) ?? takes.get(`${checked(conventions)}/${row}`);
  const recording = take(rows[0].value);
  let [heard, beside, graph, plain, playing, busy] = [recording, checked(rows), [], false, false, false];
  let [at, began, seconds] = [0, 0, Number(root.dataset.seconds)];  const position = () => {
    if (!playing || plain) return playing ? heard.audio.currentTime : at;
    const passed = Math.max(0, context.currentTime - began);
    return loop.checked ? passed % seconds : Math.min(passed, seconds);
  };
  const draw = () => {
    const told = `${position().toFixed(1)} of ${seconds.toFixed(1)}`;
    slider.value = position();
    slider.setAttribute("aria-valuetext", `${told} seconds`);
    part("time").textContent = `${told} s`;
    root.style.setProperty("--at", `${(100 * position()) / seconds}%`);
    if (playing && !loop.checked && position() >= seconds) stop(0);
    else if (playing) requestAnimationFrame(draw);
  };
  const decode = async () => {
    try {
      context ??= new AudioContext();
      for (const one of takes.values()) {
        const bytes = Uint8Array.from(atob(one.audio.src.split(",")[1]), (c) => c.charCodeAt(0));
        one.buffer = await context.decodeAudioData(bytes.buffer);
      }
      seconds = slider.max = recording.buffer.duration;
    } catch (error) {
      plain = true;
      part("trouble").textContent = `Takes cannot run at once here (${error.message}): switching may begin anew.`;
    }
  };
  const start = async () => {
    if (busy || playing) return;
    busy = true;
    pauseOther();
    pauseOther = () => stop(position());
    if (!plain && !recording.buffer) await decode();
    if (plain) {
      Object.assign(heard.audio, { currentTime: at, loop: loop.checked, onended: () => stop(0) });
      const anew = () => (heard.audio.load(), heard.audio.play()); // Chromium may fail to seek in FLAC
      await heard.audio.play().catch(anew).catch(() => {});
    } else {
      await context.resume();
      began = context.currentTime + 0.02 - at; // the same moment for every take
      graph = [...takes.values()].map((one) => {
        const source = new AudioBufferSourceNode(context, { buffer: one.buffer, loop: loop.checked });
        const gain = new GainNode(context, { gain: one === heard ? 1 : 0 });
        source.connect(gain).connect(context.destination);
        source.start(began + at, at);
        return { one, source, gain };
      });
    }
    [busy, playing, button.textContent] = [false, true, "Pause"];
    draw();
  };
  const stop = (where) => {
    heard.audio.pause();
    for (const { source } of graph) source.stop();
    [graph, playing, at, button.textContent] = [[], false, where, "Play"];
    draw();
  };
  const seek = (where) => {
    const again = playing;
    stop(where);
    if (again) start();
  };
  const choose = () => {
    for (const one of rows) one.disabled = !take(one.value);
    if (!take(checked(rows))) rows[0].checked = true; // this convention lacks the row
    if (take(checked(rows)) !== recording) beside = checked(rows);
    const again = playing && plain;
    if (again) stop(position());
    heard = take(checked(rows));
    if (again) start();
    for (const { one, gain } of graph)
      gain.gain.setTargetAtTime(one === heard ? 1 : 0, context.currentTime, 0.004);
    for (const one of takes.values()) {
      one.figure.hidden = one !== recording && one !== take(beside);
      one.figure.classList.toggle("heard", one === heard);
    }
  };
  for (const one of [...rows, ...conventions]) one.addEventListener("change", choose);
  loop.addEventListener("change", () => seek(position()));
  slider.addEventListener("input", () => seek(Number(slider.value)));
  button.addEventListener("click", () => (playing ? stop(position()) : start()));
  root.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (/^[0-9]$/.test(event.key)) rows[event.key]?.click();
    const after = conventions.findIndex((one) => one.checked) + 1;
    if (event.key === "c") conventions[after % conventions.length].click();
    if (event.key !== " " || event.target.matches("button, [type=checkbox]")) return;
    event.preventDefault();
    button.click();
  });
  for (const picture of root.querySelectorAll(".picture"))
    picture.addEventListener("click", (event) => seek((seconds * event.offsetX) / picture.clientWidth));
  root.classList.add("ready");
  part("switch").hidden = false;
  choose();
  draw();
}
