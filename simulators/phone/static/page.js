// The simulated phone. State comes from the server; this module shows it and asks for the next code in time.

const el = (id) => document.getElementById(id);
let people = [];
let owner = "";
let shown = "";       // slug whose code is on the screen
let endsAt = 0;       // when the present code leaves the screen, in ms of performance.now()
let asking = 0;       // number of the newest question; answers to older ones are dropped
let retry = 0;        // timer of the next attempt after a failure

const RETRY_MS = 3000;
const WITHOUT_CODE = {
  NOT_INSURED: ["未参保，请先办理参保登记。", "Not insured: enrol first."],
  NOT_ACTIVATED: ["凭证未激活，请在本人的手机上激活。", "Not activated: activate it on the person's own phone."],
  FROZEN: ["凭证已冻结，请联系医保经办机构。", "Frozen: ask the insurance office."],
  CANCELLED: ["凭证已注销，请联系医保经办机构。", "Cancelled: ask the insurance office."],
};

async function ask(method, path, body) {
  const answer = await fetch(path, {
    method,
    headers: body === undefined ? {} : { "Content-Type": "application/json" },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const content = await answer.json();
  if (!answer.ok) throw Object.assign(new Error(content.en), { zh: content.zh, en: content.en });
  return content;
}

function say(zh, en, bad = false) {
  el("message").textContent = zh ? `${zh} ${en}` : "";
  el("message").classList.toggle("bad", bad);
}

function complain(error) {
  say(error.zh ?? "模拟器没有应答。", error.en ?? "The simulator does not answer.", true);
}

// The code on the screen may be stale by now, or somebody else's: it goes, and everything is loaded anew until that succeeds.
function fail(error) {
  complain(error);
  el("code").hidden = true;
  endsAt = 0;
  clearTimeout(retry);
  retry = setTimeout(start, RETRY_MS);
}

async function start() {
  clearTimeout(retry);
  try {
    await load();
    say("", "");
    await show();
  } catch (error) { fail(error); }
}

const person = (slug) => people.find((one) => one.slug === slug);

async function load() {
  people = await ask("GET", "api/people");
  const choice = el("who");
  choice.replaceChildren(...people.map((one) => new Option(`${one.name}　${one.slug}`, one.slug)));
  const wanted = decodeURIComponent(location.hash.slice(1));
  owner = person(wanted)?.slug ?? person(owner)?.slug ?? people[0].slug;
  choice.value = owner;
}

async function show() {
  const me = person(owner);
  if (!me.family.some((one) => one.slug === shown)) shown = owner;
  const tabs = [{ slug: owner, name: "本人 Me" }, ...me.family];
  el("family").replaceChildren(...(me.family.length ? tabs : []).map((one) => {
    const tab = document.createElement("button");
    tab.type = "button";
    tab.textContent = one.name;
    tab.setAttribute("aria-pressed", String(one.slug === shown));
    tab.onclick = () => { shown = one.slug; say("", ""); show().catch(fail); };
    return tab;
  }));
  const state = person(shown).state;
  const active = state === "ACTIVATED";
  const toActivate = state === "NOT_ACTIVATED" && shown === owner;
  el("code").hidden = true;   // until the code of whoever is wanted now is there
  el("activation").hidden = !toActivate;
  el("add").hidden = me.state !== "ACTIVATED";
  el("form-family").member.replaceChildren(...people
    .filter((one) => one.slug !== owner && !me.family.some((other) => other.slug === one.slug))
    .map((one) => new Option(`${one.name} ${one.age}`, one.slug)));
  el("form-real_name").name.placeholder = me.name;      // invented, so that nobody has to look it up
  el("form-real_name").certno.placeholder = me.certno;
  showSteps(me.step);
  endsAt = 0;
  asking += 1;
  if (active) await showCode("GET");
  else if (!toActivate) say(...WITHOUT_CODE[state], true);
}

function showSteps(step) {
  let before = true;
  for (const item of el("steps").children) {
    const current = item.dataset.step === step;
    if (current) before = false;
    item.classList.toggle("done", before);
    if (current) item.setAttribute("aria-current", "step"); else item.removeAttribute("aria-current");
    el(`form-${item.dataset.step}`).hidden = !current;
  }
}

async function showCode(method) {
  const mine = ++asking;
  const code = await ask(method, `api/phones/${owner}/code?of=${shown}`);
  if (mine !== asking) return;
  el("code").hidden = false;
  const picture = el("picture");
  picture.src = code.picture;
  picture.alt = `医保码 ${code.code}`;
  el("shown-name").textContent = person(shown).name;
  el("digits").textContent = code.code.replace(/(\d{4})(?=\d)/g, "$1 ");
  el("digits").dataset.code = code.code;
  endsAt = performance.now() + code.refresh_in_s * 1000;
  tick();
}

function tick() {
  if (!endsAt) return;
  const left = Math.max(0, Math.ceil((endsAt - performance.now()) / 1000));
  el("left").textContent = left;
  el("life").value = left;
  if (left === 0) {
    endsAt = 0;
    showCode("GET").catch(fail);
  }
}

async function send(path, body, zh, en) {
  try {
    await ask("POST", `api/phones/${owner}/${path}`, body);
  } catch (error) { complain(error); return; }
  say(zh, en);
  await load().then(show).catch(fail);
}

function step(name, fields) {
  const form = el(`form-${name}`);
  form.onsubmit = (event) => {
    event.preventDefault();
    const values = Object.fromEntries(fields.map((field) => [field, form[field].value]));
    const last = name === "password";
    send("activation", { step: name, ...values }, last ? "已激活。" : "好。", last ? "Activated." : "Good.");
    form.reset();
  };
}

step("terms", []);
step("real_name", ["name", "certno"]);
step("face", ["face"]);
step("password", ["password"]);
el("form-family").onsubmit = (event) => {
  event.preventDefault();
  const form = event.target;
  const papers = ["commitment", "household_register"].filter((name) => form[name].checked);
  const order = { member: form.member.value, relation: form.relation.value, papers };
  send("family", form.face.checked ? { ...order, face: "match" } : order, "已添加。", "Added.");
};
el("who").onchange = () => { owner = el("who").value; shown = owner; say("", ""); location.hash = owner; };
el("refresh").onclick = () => showCode("POST").catch(fail);
el("copy").onclick = async () => {
  await navigator.clipboard.writeText(el("digits").dataset.code);
  say("已复制。", "Copied.");
};
addEventListener("hashchange", start);
setInterval(tick, 250);
start();
