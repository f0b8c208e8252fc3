import type { Command } from '../../../machines/batch.ts'
import { utf8 } from '../../services/bytes.ts'

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
