/** How large a command is: on the wire, and in memory. */
import type { Command } from '../../machines/batch.ts'
import { utf8 } from './bytes.ts'
import { heldBytes } from './json.ts'

/** By identity, since a command is measured when it is decoded and again when it is queued. */
const measuredCommands = new WeakMap<Command, number>()

/** The bytes of the JSON of `command`: what `maxCommandBytes` bounds. Throws what `JSON.stringify` throws. */
export function commandBytes(command: Command): number {
  const measured = measuredCommands.get(command)
  if (measured !== undefined) return measured
  const bytes = utf8(JSON.stringify(command)).length
  measuredCommands.set(command, bytes)
  return bytes
}

/** A command that takes no more in memory counts by its JSON: of such, a queue holds as many as it may in `queueBytes`. */
const smallBytes = 3_072

/** Bytes in memory for each byte of JSON, at most: `{}` and a comma take 64. */
const mostForOne = 22

/**
 * The bytes that `command` counts in a queue: of its JSON, or what it takes in memory where that is more and not small. Never
 * less than its JSON, so that a batch is as short as its limit says. Every engine counts by this rule.
 */
export function queuedBytes(command: Command): number {
  const bytes = commandBytes(command)
  if (bytes * mostForOne <= smallBytes) return bytes
  const held = heldBytes(command)
  return held <= smallBytes ? bytes : Math.max(bytes, held)
}
