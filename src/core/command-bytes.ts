/** The size of a command, on the wire and in memory. */
import type { Command } from '../../machines/batch.ts'
import { heldBytes } from './json.ts'
import { jsonBytes } from './json-bytes.ts'

/** The size of the JSON of `command` in bytes, which `maxCommandBytes` limits. */
export function commandBytes(command: Command): number {
  return jsonBytes(command)
}

/**
 * A command that takes at most this many bytes of memory counts as the size of its JSON. A queue holds `queueBytes` of such
 * commands.
 */
const smallBytes = 3_072

/** The highest ratio of memory to JSON: `{}` and a comma take 64 bytes of memory. */
const mostForOne = 22

/**
 * The size for which `command` counts in a queue. This is the size of its JSON, or its size in memory if that is larger and
 * exceeds `smallBytes`. The result is never below the size of the JSON, so that a batch stays within its limit. Every engine uses
 * this rule.
 */
export function queuedBytes(command: Command): number {
  const bytes = commandBytes(command)
  if (bytes * mostForOne <= smallBytes) return bytes
  const held = heldBytes(command)
  return held <= smallBytes ? bytes : Math.max(bytes, held)
}
