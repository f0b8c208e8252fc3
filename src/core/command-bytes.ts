/** The size of a command: on the wire, and in memory. */
import type { Command } from '../../machines/batch.ts'
import { utf8 } from './bytes.ts'
import { heldBytes } from './json.ts'

/** Sizes by identity: a command is measured when it is decoded, and again when it is queued. */
const measuredCommands = new WeakMap<Command, number>()

/** The bytes of the JSON of `command`, which `maxCommandBytes` limits. Throws the errors of `JSON.stringify`. */
export function commandBytes(command: Command): number {
  const measured = measuredCommands.get(command)
  if (measured !== undefined) return measured
  const bytes = utf8(JSON.stringify(command)).length
  measuredCommands.set(command, bytes)
  return bytes
}

/** A command that takes at most this many bytes of memory counts by its JSON: of such commands a queue holds `queueBytes`. */
const smallBytes = 3_072

/** The most bytes of memory for one byte of JSON: `{}` and a comma take 64 bytes. */
const mostForOne = 22

/**
 * The bytes that `command` counts in a queue: the bytes of its JSON, or the bytes that it takes in memory if these are more, and
 * more than `smallBytes`. Never less than its JSON, so that a batch stays within its limit. Every engine uses this rule.
 */
export function queuedBytes(command: Command): number {
  const bytes = commandBytes(command)
  if (bytes * mostForOne <= smallBytes) return bytes
  const held = heldBytes(command)
  return held <= smallBytes ? bytes : Math.max(bytes, held)
}
