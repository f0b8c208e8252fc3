/**
 * Faults that a user of the inspector injects: rules that drop, delay or duplicate messages. Only a server that was started with
 * `--allow-faults` uses this class. The rules apply to messages of servers when they are sent, and to messages of clients when
 * they arrive, so that they apply to each message once.
 */
import type { NodeId } from '../../machines/batch.ts'
import type { ClientMessage, NodeMessage, ServerMessage } from '../../machines/messages.ts'
import type { FaultParty, FaultRule } from '../inspect/records/control.ts'
import type { FateRecord, PartyName } from '../inspect/records/record.ts'
import { fits, ruleText } from '../inspect/records/rules.ts'
import type { Outbound } from './outbound.ts'
import type { Receiver } from './receiver.ts'

/** The effect of a rule on a message, without its time. */
export type Fate = Omit<FateRecord, 'kind' | 'clock' | 'timeMs'>

/** The most messages that are delayed at the same time. Further messages are dropped, because each takes memory. */
const maxHeld = 10_000

interface RuleInForce {
  readonly rule: FaultRule
  /** The rule as text, to compare rules. */
  readonly text: string
  /** The number of messages to which the rule still applies. */
  left: number
}

interface Passing {
  readonly from: { readonly party: Exclude<FaultParty, 'any'>; readonly name: PartyName }
  readonly to: { readonly party: Exclude<FaultParty, 'any'>; readonly name: PartyName }
  readonly message: NodeMessage | ClientMessage | ServerMessage
}

const fates = { drop: 'dropped', delay: 'delayed', duplicate: 'duplicated' } as const

export class Faults {
  readonly #self: NodeId
  readonly #report: (fate: Fate) => void
  readonly #held = new Set<NodeJS.Timeout>()
  #rules: readonly RuleInForce[] = []

  /** `report` receives every message that matched a rule, before the message continues. */
  constructor(self: NodeId, report: (fate: Fate) => void) {
    this.#self = self
    this.#report = report
  }

  /**
   * Replaces the rules. A rule that was in force before keeps its count, so that an added rule does not restart the others. Each
   * server counts for itself.
   */
  setRules(rules: readonly FaultRule[]): void {
    const before = [...this.#rules]
    this.#rules = rules.map((rule) => {
      const text = JSON.stringify(rule)
      const place = before.findIndex((other) => other.text === text)
      const [known] = place === -1 ? [] : before.splice(place, 1)
      return known ?? { rule, text, left: rule.count ?? Number.POSITIVE_INFINITY }
    })
  }

  /** Wraps `outbound`: the rules apply to a message before `outbound` sends it. */
  outbound(outbound: Outbound): Outbound {
    const self = { party: this.#self, name: this.#self }
    return {
      send: (sent) => {
        const { to, message } = sent
        const passing = { from: self, to: { party: to, name: to }, message }
        this.#meet(passing, () => outbound.send(sent))
      },
      respond: (to, message) => {
        const passing = { from: self, to: { party: 'client' as const, name: to }, message }
        this.#meet(passing, () => outbound.respond(to, message))
      },
      flag: (oddity, sender) => outbound.flag(oddity, sender),
      flush: () => outbound.flush(),
      close: () => {
        this.close()
        outbound.close()
      },
      heard: (...heard) => outbound.heard(...heard),
      lastHeard: (id) => outbound.lastHeard(id),
    }
  }

  /**
   * Wraps `receiver`: the rules apply to the messages of clients before `receiver` handles them. For messages of servers, the
   * rules of the sender apply.
   */
  receiver(receiver: Receiver): Receiver {
    const self = { party: this.#self, name: this.#self }
    return {
      hear: (...heard) => receiver.hear(...heard),
      request: (message, from) => {
        const passing = { from: { party: 'client' as const, name: from }, to: self, message }
        this.#meet(passing, () => receiver.request(message, from))
      },
      ask: (message, from) => {
        const passing = { from: { party: 'client' as const, name: from }, to: self, message }
        this.#meet(passing, () => receiver.ask(message, from))
      },
      join: (...asked) => receiver.join(...asked),
      invited: (answer, sender) => receiver.invited(answer, sender),
      found: (question, sender, from) => receiver.found(question, sender, from),
      founder: (answer, sender) => receiver.founder(answer, sender),
      silent: (reason, from) => receiver.silent(reason, from),
      leaving: () => receiver.leaving(),
      addressOf: (id, addressee, last) => receiver.addressOf(id, addressee, last),
    }
  }

  /** Discards the delayed messages. */
  close(): void {
    for (const timer of this.#held) clearTimeout(timer)
    this.#held.clear()
  }

  #meet(passing: Passing, goOn: () => void): void {
    const { from, to, message } = passing
    const about = { from: from.party, to: to.party, type: message.type }
    const met = this.#rules.find(({ rule, left }) => left > 0 && fits(rule, about))
    if (met === undefined) {
      goOn()
      return
    }
    met.left -= 1
    const { action, delayMs } = met.rule
    const isLost = action === 'drop' || (action === 'delay' && this.#held.size >= maxHeld)
    this.#report({
      from: from.name,
      to: to.name,
      message,
      fate: isLost ? 'dropped' : fates[action],
      reason: isLost && action === 'delay' ? 'too many messages are delayed' : `rule: ${ruleText(met.rule)}`,
    })
    if (isLost) return
    if (action === 'delay') this.#hold(goOn, delayMs)
    else {
      goOn()
      goOn()
    }
  }

  #hold(goOn: () => void, delayMs: number): void {
    const timer = setTimeout(() => {
      this.#held.delete(timer)
      goOn()
    }, delayMs)
    this.#held.add(timer)
  }
}
