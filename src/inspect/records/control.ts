/** What a reader of the page may have done to a live cluster that was started with `--allow-faults`. */
import type { NodeId } from '../../../machines/batch.ts'
import type { RoleName } from '../../../machines/inbox.ts'
import type { Message } from '../../../machines/messages.ts'

export type ControlCommand =
  /** These take the place of all rules that there were. */
  | { readonly type: 'rules'; readonly rules: readonly FaultRule[] }
  | { readonly type: 'pause' | 'resume' | 'crash' | 'restart'; readonly node: NodeId }
  /** The timer of this id fires now; nothing happens when it is not armed. */
  | { readonly type: 'timer'; readonly node: NodeId; readonly role: RoleName; readonly id: string }
  /** The hub shows this cluster from now on: `key` of a refusal of src/inspect/records/protocol.ts. Needs no `--allow-faults`. */
  | { readonly type: 'cluster'; readonly key: string }
  | { readonly type: 'request'; readonly action: 'lock' | 'unlock'; readonly name: string }

/** What happens to messages between two parties, by kind. The first rule that fits a message holds for it. */
export interface FaultRule {
  readonly from: FaultParty
  readonly to: FaultParty
  readonly message: Message['type'] | 'any'
  readonly action: 'drop' | 'delay' | 'duplicate'
  /** Of `delay`. */
  readonly delayMs: number
  /** After so many messages the rule ends; `null` for never. */
  readonly count: number | null
}

export type FaultParty = NodeId | 'client' | 'any'

/** What is done to a server from outside it, by whoever started it. */
export type ProcessCommand = Extract<ControlCommand, { type: 'pause' | 'resume' | 'crash' | 'restart' }>

/** What became of a command: `ok`, or what was wrong. */
export type ControlResult =
  | { readonly ok: true; readonly text: string }
  | { readonly ok: false; readonly error: string }

/** It was carried out; `text` says what is the case now. */
export function done(text: string): ControlResult {
  return { ok: true, text }
}

/** It was not, or not wholly. */
export function failed(error: string): ControlResult {
  return { ok: false, error }
}
