/** The part of a command that the replica keeps with a request, to detect another command under the same name. */
import { type Command, sameJson } from '../../machines/batch.ts'
import { commandDigest } from '../core/digest.ts'
import { heldBytes } from '../core/json.ts'
import { memoByIdentity } from '../core/memo.ts'

/**
 * The command, or its digest. Few commands are ever compared, so the digest of a small command is computed only when a
 * comparison or a snapshot needs it. For a request in plain text it is the uid: there, a seq names one command.
 */
export type KeptCommand = Command | string

/** A larger command is kept as its digest, so that it does not occupy memory until its client acknowledges the result. */
const mostHeldBytes = 512

/** Returns `command` or its digest. The command must never change from now on. */
export function keptCommand(command: Command): KeptCommand {
  return heldBytes(command) <= mostHeldBytes ? command : commandDigest(command)
}

/** A snapshot is taken many times while the result is kept, and several replicas of one process may share the command. */
const digestOfCommand = memoByIdentity(commandDigest)

/** The digest of the command. */
export function keptDigest(kept: KeptCommand): string {
  return typeof kept === 'string' ? kept : digestOfCommand(kept)
}

/**
 * True when the digest of `command` equals that of the kept command. Servers must agree on the answer, and one that started
 * from a snapshot has digests only. So a difference between two commands is no answer: they may have the same digest.
 */
export function isKeptCommand(kept: KeptCommand, command: Command): boolean {
  return (typeof kept !== 'string' && sameJson(kept, command)) || keptDigest(kept) === commandDigest(command)
}
