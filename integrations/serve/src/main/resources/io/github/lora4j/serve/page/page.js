'use strict';

const $ = id => document.getElementById(id);
const make = (name, text, type) => {
  const element = document.createElement(name);
  if (text !== undefined) element.textContent = text;
  if (type) element.className = type;
  return element;
};

let key = sessionStorage.getItem('key') || '';
const talks = new Map();
let stopping = null;

function problem(text) {
  $('problem').textContent = text;
  $('problem').hidden = !text;
}

async function call(path, body, signal) {
  const headers = key ? { Authorization: 'Bearer ' + key } : {};
  if (body) headers['Content-Type'] = 'application/json';
  const response = await fetch(path, { method: body ? 'POST' : 'GET', headers, body: body && JSON.stringify(body), signal });
  if (response.status === 401) {
    $('key-form').hidden = false;
    $('key').focus();
  }
  if (!response.ok) {
    const said = await response.json().catch(() => ({}));
    throw new Error(said.error ? said.error.message : 'the server answered ' + response.status);
  }
  return response;
}

/** Calls back for each event of a stream. */
async function events(response, each) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let held = '';
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    held += value;
    let end;
    while ((end = held.indexOf('\n\n')) >= 0) {
      const event = held.slice(0, end);
      held = held.slice(end + 2);
      if (event.startsWith('data: ') && event !== 'data: [DONE]') each(JSON.parse(event.slice(6)));
    }
  }
}

// Tabs, with arrow keys as the pattern has it.
const tabs = [...document.querySelectorAll('[role=tab]')];
function choose(tab) {
  for (const other of tabs) {
    const chosen = other === tab;
    other.setAttribute('aria-selected', chosen);
    other.tabIndex = chosen ? 0 : -1;
    $(other.getAttribute('aria-controls')).hidden = !chosen;
  }
  problem('');
  if (tab.id === 'tab-runs') runs();
  if (tab.id === 'tab-data' || tab.id === 'tab-train') files();
}
$('tabs').addEventListener('click', event => event.target.role === 'tab' || event.target.getAttribute('role') === 'tab' ? choose(event.target) : null);
$('tabs').addEventListener('keydown', event => {
  const shown = tabs.filter(tab => !tab.hidden);
  const at = shown.indexOf(document.activeElement);
  const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: shown.length - 1 }[event.key];
  if (to === undefined || at < 0) return;
  event.preventDefault();
  const tab = shown[(to + shown.length) % shown.length];
  tab.focus();
  choose(tab);
});

// Chat: each model has its own column and its own conversation.
function column(model) {
  if (!talks.has(model)) {
    const article = make('article');
    article.setAttribute('aria-label', model);
    const head = make('h2', model);
    const rate = make('small');
    head.append(rate);
    article.append(head);
    talks.set(model, { article, rate, messages: [] });
  }
  return talks.get(model);
}

async function answer(model, text, signal) {
  const talk = column(model);
  talk.article.append(make('div', text, 'turn user'));
  const turn = make('div', '', 'turn');
  talk.article.append(turn);
  const body = { model, stream: true, max_tokens: Number($('tokens').value), temperature: Number($('temperature').value), seed: Number($('seed').value) };
  const chat = $('mode').value === 'chat';
  if (chat) {
    const system = $('system').value ? [{ role: 'system', content: $('system').value }] : [];
    body.messages = [...system, ...talk.messages, { role: 'user', content: text }];
  } else {
    body.prompt = text;
  }
  const began = performance.now();
  let said = '';
  let pieces = 0;
  try {
    await events(await call(chat ? '/v1/chat/completions' : '/v1/completions', body, signal), event => {
      if (event.error) throw new Error(event.error.message);
      for (const choice of event.choices) {
        const more = chat ? choice.delta.content || '' : choice.text;
        for (const tool of (choice.delta && choice.delta.tool_calls) || []) said += tool.function.name + '(' + tool.function.arguments + ')';
        said += more;
        pieces += more ? 1 : 0;
      }
      turn.textContent = said;
      talk.rate.textContent = Math.round(pieces / ((performance.now() - began) / 1000)) + ' pieces/s';
    });
  } catch (error) {
    if (error.name !== 'AbortError') {
      turn.textContent = said + (said ? '\n' : '') + error.message;
      turn.classList.add('bad');
      return;
    }
  }
  talk.messages.push({ role: 'user', content: text }, { role: 'assistant', content: said });
}

$('chat-form').addEventListener('submit', async event => {
  event.preventDefault();
  const text = $('say').value;
  const models = [...$('voices').querySelectorAll('input:checked')].map(box => box.value);
  if (!text || stopping) return;
  if (!models.length) {
    problem('Choose a model to answer with.');
    return;
  }
  problem('');
  $('answers').replaceChildren(...models.map(model => column(model).article));
  stopping = new AbortController();
  $('chat-stop').disabled = false;
  if ($('mode').value === 'chat') $('say').value = '';
  await Promise.all(models.map(model => answer(model, text, stopping.signal)));
  stopping = null;
  $('chat-stop').disabled = true;
  $('say').focus();
});
$('say').addEventListener('keydown', event => {
  if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) $('chat-form').requestSubmit();
});
$('chat-stop').addEventListener('click', () => stopping && stopping.abort());
$('chat-reset').addEventListener('click', () => {
  talks.clear();
  $('answers').replaceChildren();
});
$('mode').addEventListener('change', () => { $('system-row').hidden = $('mode').value !== 'chat'; });

// Runs: events as they come, and the curve they make.
let watching = null;
async function runs() {
  try {
    const all = await (await call('/api/runs')).json();
    const chosen = $('run').value;
    $('run').replaceChildren(...all.map(run => {
      const option = make('option', run.name + (run.finished ? '' : ' (not finished)'));
      option.value = run.name;
      return option;
    }));
    if (all.some(run => run.name === chosen)) $('run').value = chosen;
    if (!all.length) $('run-state').textContent = 'There is no run in the workspace yet.';
    else watch($('run').value);
  } catch (error) {
    problem(error.message);
  }
}

async function watch(name) {
  if (watching) watching.abort();
  watching = new AbortController();
  const mine = watching;
  let losses = [];
  let evals = [];
  const rows = $('events').tBodies[0];
  rows.replaceChildren();
  curve(losses, evals);
  $('run-state').textContent = name + ': no step yet';
  let drawn = 0;
  const draw = () => {
    if (Date.now() - drawn > 150) {
      drawn = Date.now();
      curve(losses, evals);
    }
  };
  try {
    await events(await call('/api/runs/events?run=' + encodeURIComponent(name), undefined, mine.signal), event => {
      if (event.event === 'again') {
        losses = [];
        evals = [];
        rows.replaceChildren();
      } else if (event.event === 'step') {
        losses.push([event.step, event.loss]);
        $('run-state').textContent = `${name}: step ${event.step} of ${event.steps}, loss ${event.loss.toFixed(4)}`;
      } else if (event.event === 'evaluated' && event.metrics && event.metrics.loss !== undefined) {
        evals.push([event.step, event.metrics.loss]);
      } else if (event.event === 'finished') {
        for (const option of $('run').options) if (option.value === name) option.textContent = name;
        $('run-state').textContent = `${name}: finished after ${event.steps} steps, ${event.seconds.toFixed(1)} s`;
      }
      if (rows.rows.length < 2000) {
        const row = make('tr');
        const { event: kind, step, ...rest } = event;
        row.append(make('td', step === undefined ? '' : String(step)), make('td', kind), make('td', JSON.stringify(rest).slice(0, 300)));
        rows.append(row);
      }
      draw();
    });
    curve(losses, evals);
  } catch (error) {
    if (error.name !== 'AbortError') problem(error.message);
  }
}

// Drawn in pixels of the screen, so that numbers can be read on narrow ones.
let drawnLast = [[], []];
window.addEventListener('resize', () => curve(...drawnLast));
function curve(losses, evals) {
  drawnLast = [losses, evals];
  const svg = $('curve');
  const width = Math.max(280, Math.round(svg.clientWidth) || 720);
  const height = Math.round(width * 0.3) + 90;
  svg.setAttribute('viewBox', `0 0 ${width} ${height}`);
  const draw = (name, attributes, text) => {
    const element = document.createElementNS('http://www.w3.org/2000/svg', name);
    for (const [attribute, value] of Object.entries(attributes)) element.setAttribute(attribute, value);
    if (text !== undefined) element.textContent = text;
    return element;
  };
  const all = [...losses, ...evals].filter(point => Number.isFinite(point[1]));
  $('curve-text').textContent = all.length ? `Training loss by step (line${evals.length ? ', evaluation loss as dots' : ''}): from ${all[0][1].toFixed(4)} to ${losses.length ? losses[losses.length - 1][1].toFixed(4) : ''}.` : 'No loss yet.';
  if (!all.length) {
    svg.replaceChildren();
    return;
  }
  const most = Math.max(...all.map(point => point[0]), 1);
  let low = Math.min(...all.map(point => point[1]));
  let high = Math.max(...all.map(point => point[1]));
  if (high - low < 1e-9) { low -= 0.5; high += 0.5; }
  const x = step => 60 + (width - 80) * step / most;
  const y = loss => height - 30 - (height - 50) * (loss - low) / (high - low);
  const parts = [];
  for (let i = 0; i <= 4; i++) {
    const loss = low + (high - low) * i / 4;
    parts.push(draw('line', { x1: 60, x2: width - 20, y1: y(loss), y2: y(loss), class: 'axis' }), draw('text', { x: 52, y: y(loss) + 4, 'text-anchor': 'end' }, loss.toFixed(3)));
  }
  parts.push(draw('text', { x: 60, y: height - 10 }, '0'), draw('text', { x: width - 20, y: height - 10, 'text-anchor': 'end' }, 'step ' + most));
  parts.push(draw('polyline', { class: 'loss', points: losses.map(point => x(point[0]).toFixed(1) + ',' + y(point[1]).toFixed(1)).join(' ') }));
  for (const point of evals) parts.push(draw('circle', { class: 'eval', cx: x(point[0]), cy: y(point[1]), r: 4 }));
  svg.replaceChildren(...parts);
}
$('run').addEventListener('change', () => watch($('run').value));
$('runs-again').addEventListener('click', runs);

// Data and training.
async function files() {
  try {
    const all = await (await call('/api/files')).json();
    for (const select of [$('file'), $('t-train'), $('t-eval')]) {
      const chosen = select.value;
      const none = select === $('t-eval') ? [Object.assign(make('option', 'none'), { value: '' })] : [];
      select.replaceChildren(...none, ...all.map(name => make('option', name)));
      if (all.includes(chosen)) select.value = chosen;
    }
    training(await (await call('/api/train')).json());
  } catch (error) {
    problem(error.message);
  }
}

$('data-form').addEventListener('submit', async event => {
  event.preventDefault();
  problem('');
  $('data-state').textContent = 'Reading…';
  try {
    const said = await (await call('/api/masks', { file: $('file').value, task: $('data-task').value, show: Number($('show').value) })).json();
    $('data-state').textContent = `Task ${said.task}: ${said.examples} examples, ${said.tokens} tokens, ${said.learnt} of them learnt.`;
    $('masks').replaceChildren(...said.shown.map(example => {
      const item = make('li');
      example.tokens.forEach((token, i) => item.append(make(example.learnt[i] ? 'mark' : 'span', token), ' '));
      return item;
    }));
  } catch (error) {
    $('data-state').textContent = '';
    $('masks').replaceChildren();
    problem(error.message);
  }
});

function form() {
  const values = {};
  for (const [name, value] of new FormData($('train-form'))) {
    if (value !== '') values[name] = ['r', 'lora_alpha', 'learning_rate', 'batch_size', 'epochs', 'max_steps'].includes(name) ? Number(value) : value;
  }
  return values;
}

async function recipe() {
  const said = await (await call('/api/recipe', form())).json();
  $('recipe').textContent = said.yaml;
  $('recipe').hidden = false;
}

function training(said) {
  $('train-state').textContent = said.run ? `${said.run}: ${said.state}` : '';
  $('train-stop').disabled = said.state !== 'training';
}

$('recipe-show').addEventListener('click', () => { problem(''); recipe().catch(error => problem(error.message)); });
$('train-form').addEventListener('submit', async event => {
  event.preventDefault();
  problem('');
  $('train-state').textContent = 'Preparing…';
  try {
    await recipe();
    const said = await (await call('/api/train', form())).json();
    training(said);
    choose($('tab-runs'));
    await runs();
    $('run').value = said.run;
    watch(said.run);
  } catch (error) {
    $('train-state').textContent = '';
    problem(error.message);
  }
});
$('train-stop').addEventListener('click', () => call('/api/train/stop', {}).then(said => said.json()).then(training, error => problem(error.message)));

$('key-form').addEventListener('submit', event => {
  event.preventDefault();
  key = $('key').value;
  sessionStorage.setItem('key', key);
  $('key-form').hidden = true;
  begin();
});

async function begin() {
  try {
    const page = await (await call('/api/page')).json();
    $('model').textContent = page.model;
    $('tab-chat').hidden = !page.chats;
    for (const tab of ['runs', 'data', 'train']) $('tab-' + tab).hidden = !page.workspace;
    if (page.chats) {
      const models = (await (await call('/v1/models')).json()).data.filter(model => model.max_model_len);
      $('voices').replaceChildren($('voices').firstElementChild, ...models.map(model => {
        const label = make('label');
        const box = Object.assign(document.createElement('input'), { type: 'checkbox', value: model.id, checked: true });
        label.append(box, model.id);
        return label;
      }));
    }
    choose(tabs.find(tab => !tab.hidden) || tabs[0]);
    problem('');
  } catch (error) {
    problem(error.message);
  }
}
begin();
