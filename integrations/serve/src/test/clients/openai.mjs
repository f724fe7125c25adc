import OpenAI from 'openai';
import assert from 'node:assert';
// Drives OpenAI's own client for Node against a server; NpmClientTest runs it.
const baseURL = process.env.LORA4J_URL + '/v1';
const client = new OpenAI({ baseURL, apiKey: process.env.LORA4J_API_KEY || 'none', maxRetries: 0 });
const models = (await client.models.list()).data.map(m => m.id);
console.log('models', models);
const chatModel = process.env.CHAT_MODEL;
if (chatModel) {
  const messages = [{ role: 'user', content: 'Once upon a time' }];
  const whole = await client.chat.completions.create({ model: chatModel, messages, max_tokens: 24, seed: 3, temperature: 0.7 });
  assert.equal(whole.object, 'chat.completion');
  let text = '', last, usage;
  for await (const chunk of await client.chat.completions.create({ model: chatModel, messages, max_tokens: 24, seed: 3, temperature: 0.7, stream: true, stream_options: { include_usage: true } })) {
    text += chunk.choices[0]?.delta?.content ?? '';
    last = chunk.choices[0]?.finish_reason ?? last;
    usage = chunk.usage ?? usage;
  }
  assert.equal(text, whole.choices[0].message.content);
  assert.equal(last, whole.choices[0].finish_reason);
  assert.deepEqual(usage, whole.usage);
  const runner = client.chat.completions.stream({ model: chatModel, messages, max_tokens: 8, temperature: 0, logprobs: true, top_logprobs: 2 });
  const final = await runner.finalChatCompletion();
  assert.equal(final.choices[0].logprobs.content.length, final.choices[0].message.content ? 8 : 0);
  const tools = await client.chat.completions.create({ model: chatModel, messages, max_tokens: 4, tool_choice: 'auto', tools: [{ type: 'function', function: { name: 'f', parameters: { type: 'object', properties: {} } } }] });
  assert.ok(tools.choices[0].message);
  const text2 = await client.completions.create({ model: chatModel, prompt: 'Once', max_tokens: 5, n: 2, logprobs: 1 });
  assert.equal(text2.choices.length, 2);
  const controller = new AbortController();
  const cut = await client.chat.completions.create({ model: chatModel, messages, max_tokens: 200, stream: true }, { signal: controller.signal });
  for await (const _ of cut) { controller.abort(); break; }
  await assert.rejects(client.chat.completions.create({ model: chatModel, messages: [] }), OpenAI.BadRequestError);
  await assert.rejects(client.chat.completions.create({ model: 'nobody', messages }), OpenAI.NotFoundError);
  console.log('chat: ok', JSON.stringify(text));
}
if (process.env.EMBEDDING_MODEL) {
  const one = await client.embeddings.create({ model: process.env.EMBEDDING_MODEL, input: ['a cat', 'a dog'] });
  const floats = await client.embeddings.create({ model: process.env.EMBEDDING_MODEL, input: 'a cat', encoding_format: 'float' });
  const length = Math.hypot(...one.data[0].embedding);
  assert.ok(Math.abs(length - 1) < 1e-5, 'length ' + length);
  floats.data[0].embedding.forEach((x, i) => assert.ok(Math.abs(x - one.data[0].embedding[i]) < 1e-6));
  console.log('embeddings: ok', one.data[0].embedding.length);
}
