import { randomBytes } from 'node:crypto'
import type { Address, Json } from '../../../machines/batch.ts'
import type { Busy, Message, RequestMessage } from '../../../machines/messages.ts'
import { isOfRead, type Outcome } from '../../../machines/outcome.ts'
import { plainTextIdleMs, plainTextUid, sessionOf } from '../../core/plain-text-client.ts'
import type { TextAnswer, TextProtocol } from '../../wire/text-protocol.ts'
import { lockCommand, unlockCommand } from '../lock-commands.ts'
import { formatRespond, parseSeedText, type SeedRequest, seedPrefix } from './request.ts'

/** The most open requests that are kept: an answer repeats the tuple of its request. */
const mostOpen = 20_000

/** A request that has no answer yet. */
interface Open {
  readonly uid: string
  readonly asked: SeedRequest
  /** When it last arrived, by the monotonic clock. */
  readonly seenMs: number
}

/**
 * The plain-text protocol of the seed: translates text of clients into requests of the cluster, and responses into text.
 * The seed has one answer, for a request that was executed.
 */
export class SeedText implements TextProtocol {
  readonly prefix = seedPrefix
  /** By session and seq. */
  readonly #open = new Map<string, Open>()
  readonly #bodyOf: (command: Json) => Json
  readonly #marks = randomBytes(6).toString('base64url')
  #lastMark = 0

  /** `bodyOf` makes the body of a request of a command for the lock service. */
  constructor(bodyOf: (command: Json) => Json = (command) => command) {
    this.#bodyOf = bodyOf
  }

  read(text: string, source: Address): readonly RequestMessage[] | { readonly fault: string } {
    const asked = parseSeedText(text)
    return 'fault' in asked ? asked : asked.map((request) => this.requestOf(request, source))
  }

  /**
   * Makes the request of the client at `source`. A repetition is the same request until it is answered, or until it has not
   * arrived for `plainTextIdleMs`. After that it may come from another client, so it gets a new uid, and the replicas
   * decide whether it is a repetition. The seq encodes the action too: a client may use one number for both actions.
   */
  requestOf(asked: SeedRequest, source: Address): RequestMessage {
    const { action, name } = asked
    const seq = 2 * asked.seq + (action === 'LOCK' ? 0 : 1)
    const uid = this.#uidOf(asked, seq, source)
    const body = this.#bodyOf(action === 'LOCK' ? lockCommand(name) : unlockCommand(name))
    const requests = [{ seq, command: { kind: 'service', body } as const }]
    return { type: 'request', uid, ackedBelow: 0, requests }
  }

  /** Returns the answers for `message`, one for each open request that it answers. */
  answersTo(message: Message): readonly TextAnswer[] {
    if (message.type === 'busy') {
      return message.seqs.flatMap((seq) => this.#refusal({ uid: message.uid, seq }, message.reason) ?? [])
    }
    if (message.type !== 'response') return []
    const { uid, answers } = message
    return answers.flatMap(({ seq, outcome }) =>
      isOfRead(outcome) ? [] : (this.#answer({ uid, seq }, outcome) ?? []),
    )
  }

  /** The cluster did not accept the request, so it stays open: a repetition is the same request. */
  #refusal(name: Name, reason: Busy['reason']): TextAnswer | null {
    const open = this.#open.get(openKey(name))
    if (open?.uid !== name.uid) return null
    return { silence: `${open.asked.tuple} was rejected (${reason})` }
  }

  #answer(name: Name, outcome: Outcome): TextAnswer | null {
    const key = openKey(name)
    const open = this.#open.get(key)
    if (open?.uid !== name.uid) return null
    const { asked } = open
    this.#open.delete(key)
    switch (outcome.kind) {
      case 'executed':
        return isRefusal(outcome.result)
          ? { silence: `the lock service refused ${asked.tuple}: ${JSON.stringify(outcome.result)}` }
          : { text: formatRespond(asked) }
      case 'failed':
        return { silence: `the service failed ${asked.tuple}: ${outcome.error}` }
      case 'overQuota':
        return { silence: `the state is full: ${asked.tuple} was refused` }
      case 'cancelled':
        return { silence: `${asked.tuple} was cancelled` }
      case 'refused':
        return outcome.reason === 'repeated'
          ? { text: formatRespond(asked) }
          : { silence: `${asked.tuple} repeats a request whose answer no longer holds` }
    }
    outcome satisfies never
    return null
  }

  #uidOf(asked: SeedRequest, seq: number, source: Address): string {
    const made = plainTextUid(source, asked.name, `${this.#marks}.${this.#lastMark.toString(36)}`)
    const key = openKey({ uid: made, seq })
    const known = this.#open.get(key)
    const seenMs = performance.now()
    const isRepetition = known !== undefined && seenMs - known.seenMs <= plainTextIdleMs
    const uid = isRepetition ? known.uid : made
    if (!isRepetition) this.#lastMark += 1
    this.#open.delete(key)
    this.#open.set(key, { uid, asked, seenMs })
    if (this.#open.size > mostOpen) {
      const [oldest] = this.#open.keys()
      if (oldest !== undefined) this.#open.delete(oldest)
    }
    return uid
  }
}

/** The seed has no answer that refuses: a lock in use as a semaphore is refused. */
function isRefusal(result: Json): boolean {
  return typeof result === 'object' && result !== null && 'refused' in result
}

interface Name {
  readonly uid: string
  readonly seq: number
}

function openKey({ uid, seq }: Name): string {
  return `${seq}:${sessionOf(uid)}`
}
