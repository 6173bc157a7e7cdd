import { open } from '/pkg/browser.js';

let db;
let last = Promise.resolve();

const DEEDS = {
  open: async (name, options) => {
    db = await open(name, options);
  },
  value: (sql, params) => db.queryValue(sql, params),
  run: (sql, params) => db.execute(sql, params),
  close: () => db.close(),
};

async function answer([deed, ...args], post) {
  try {
    const result = await DEEDS[deed](...args);
    post({ result: typeof result === 'object' ? undefined : result });
  } catch (error) {
    post({ error: error.message, kind: error.kind });
  }
}

const listen = (port) => {
  port.onmessage = ({ data }) => {
    last = last.then(() => answer(data, (message) => port.postMessage(message)));
  };
};

if ('onconnect' in globalThis) globalThis.onconnect = ({ ports }) => listen(ports[0]);
else listen(globalThis);
