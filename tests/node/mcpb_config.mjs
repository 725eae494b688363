// What a host makes of a bundle's manifest, by the official package: reads `{folder, userConfig}` from stdin as JSON and
// writes the command, its arguments and environment to stdout as JSON.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";

import { getMcpConfigForManifest } from "@anthropic-ai/mcpb/node";

const { folder, userConfig } = JSON.parse(await text(process.stdin));
const manifest = JSON.parse(readFileSync(join(folder, "manifest.json"), "utf-8"));
const config = await getMcpConfigForManifest({
  manifest,
  extensionPath: folder,
  systemDirs: {},
  userConfig,
  pathSeparator: "/",
});
process.stdout.write(JSON.stringify(config));
