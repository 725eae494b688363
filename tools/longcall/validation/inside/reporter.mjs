// Tells the outcome of each test of node:test over the descriptor in LONGCALL_RESULT. It runs in node's own process; each
// test file runs in another, which does not inherit the descriptor.
import { openSync, writeSync } from "node:fs";

const where = process.env.LONGCALL_RESULT ?? "";
const descriptor = /^\d+$/.test(where) ? Number(where) : openSync(where, "w");
const tell = (record) => writeSync(descriptor, JSON.stringify(record) + "\n");

export default async function* reporter(source) {
  for await (const { type, data } of source) {
    if (type !== "test:pass" && type !== "test:fail") continue;
    // A suite, and a file that stands for its tests, are told apart by what they hold.
    const isFile = data.nesting === 0 && data.name === data.file;
    if (data.details?.type === "suite" || (isFile && type === "test:pass")) continue;
    const outcome = type === "test:fail" ? "failed" : data.skip !== undefined || data.todo !== undefined ? "skipped" : "passed";
    const cause = data.details?.error?.cause ?? data.details?.error;
    tell({ test: data.name, outcome, message: String(cause?.stack ?? cause ?? "").slice(0, 800) });
  }
  tell({ done: true });
  yield "";
}
