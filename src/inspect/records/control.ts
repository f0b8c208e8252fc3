/** The commands that the page can send to a live cluster that was started with `--allow-faults`. */
import type { NodeId } from '../../../machines/batch.ts'
import type { RoleName } from '../../../machines/inbox.ts'
import type { Message } from '../../../machines/messages.ts'

export type ControlCommand =
  /** These rules replace all earlier rules. */
  | { readonly type: 'rules'; readonly rules: readonly FaultRule[] }
  | { readonly type: 'pause' | 'resume' | 'crash' | 'restart'; readonly node: NodeId }
  /** The timer with this id fires now. If it is not armed, nothing happens. */
  | { readonly type: 'timer'; readonly node: NodeId; readonly role: RoleName; readonly id: string }
  /**
   * The hub shows this cluster from now on. `key` is that of a refusal (src/inspect/records/protocol.ts). Needs no
   * `--allow-faults`.
   */
  | { readonly type: 'cluster'; readonly key: string }
  | { readonly type: 'request'; readonly action: 'lock' | 'unlock'; readonly name: string }

/** What happens to messages between two parties, by message type. The first rule that fits a message applies. */
export interface FaultRule {
  readonly from: FaultParty
  readonly to: FaultParty
  readonly message: Message['type'] | 'any'
  readonly action: 'drop' | 'delay' | 'duplicate'
  /** Used by `delay` only. */
  readonly delayMs: number
  /** How many messages the rule applies to before it ends; `null`: it never ends. */
  readonly count: number | null
}

export type FaultParty = NodeId | 'client' | 'any'

/** A command that acts on the process of a server. The program that started the servers executes it. */
export type ProcessCommand = Extract<ControlCommand, { type: 'pause' | 'resume' | 'crash' | 'restart' }>

/** The result of a command: `ok`, or the error. */
export type ControlResult =
  | { readonly ok: true; readonly text: string }
  | { readonly ok: false; readonly error: string }

/** The command was executed. `text` describes the new state. */
export function done(text: string): ControlResult {
  return { ok: true, text }
}

/** The command was not executed, or only in part. */
export function failed(error: string): ControlResult {
  return { ok: false, error }
}
