// The official Tasks client against a server: reads where it is from stdin as JSON, `{url}` or `{command, args, env}`,
// and writes what it saw to stdout as JSON.

import { text } from "node:stream/consumers";

import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { createTaskSessionFromClient } from "@modelcontextprotocol/ext-tasks/client";

const REVISION = "2026-07-28";
const CLIENT = { name: "tasks-client", version: "1.0.0" };
const CAPABILITIES = { extensions: { "io.modelcontextprotocol/tasks": {} } };

// Tasks are unknown to the SDK's own client, so ext-tasks wants a way past it: requests with ids of their own.
function rawDispatch(transport) {
  const waiting = new Map();
  const passOn = transport.onmessage;
  transport.onmessage = (message, extra) => {
    const answered = waiting.get(message.id);
    if (answered === undefined || "method" in message) return passOn?.(message, extra);
    waiting.delete(message.id);
    answered(
      "error" in message
        ? { kind: "error", error: message.error }
        : { kind: "result", result: message.result },
    );
  };
  let sent = 0;
  return (request) =>
    new Promise((resolve, reject) => {
      const id = `raw-${++sent}`;
      waiting.set(id, resolve);
      transport.send({ jsonrpc: "2.0", id, ...request }).catch(reject);
    });
}

async function settled(session, tool, parameters) {
  const execution = await session.callTool(tool, parameters);
  const states = [];
  const { outcome } = await execution.settle({
    onEvent: (event) => event.type === "task" && states.push(event.task.status),
  });
  return { kind: execution.kind, taskId: execution.handle?.taskId, states, outcome };
}

async function cancelled(session) {
  const execution = await session.callTool("start_task", { prompt: "never ends", model: "demo/stall", fresh: true });
  await execution.cancel();
  const { outcome } = await execution.settle();
  return { kind: execution.kind, taskId: execution.handle.taskId, status: outcome.status };
}

async function recovered(session, taskId) {
  const reference = { endpointId: "longcall", generation: "v2", taskId, originalOperation: "tools/call" };
  const { outcome } = await (await session.resumeTask(reference)).settle();
  return outcome.status;
}

async function unknown(session) {
  try {
    return await session.task("no-such-task").snapshot();
  } catch (error) {
    return { code: error.code ?? error.cause?.code, message: error.message };
  }
}

const where = JSON.parse(await text(process.stdin));
const transport = where.url
  ? new StreamableHTTPClientTransport(new URL(where.url))
  : new StdioClientTransport(where);
const client = new Client(CLIENT, { capabilities: CAPABILITIES, versionNegotiation: { mode: { pin: REVISION } } });
await client.connect(transport);
const session = createTaskSessionFromClient(client, {
  endpointId: "longcall",
  rawDispatch: rawDispatch(transport),
  v2RequestFraming: { protocolVersion: REVISION, clientInfo: CLIENT, clientCapabilities: CAPABILITIES },
});
const quick = await settled(session, "llm_call", { prompt: "quick", model: "demo/echo", fresh: true });
const slow = await settled(session, "llm_call", { prompt: "slow", model: "demo/slow-1.5", fresh: true });
const seen = {
  quick,
  slow,
  cancelled: await cancelled(session),
  recovered: await recovered(session, slow.taskId),
  unknown: await unknown(session),
};
process.stdout.write(JSON.stringify(seen));
await session.close();
await client.close();
