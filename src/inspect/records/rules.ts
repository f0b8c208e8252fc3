/** Which messages a rule of src/inspect/records/control.ts fits, and the rule as text. */
import type { Message } from '../../../machines/messages.ts'
import type { FaultParty, FaultRule } from './control.ts'

/** A message in transit, as rules see it: all clients are one party. */
export interface Passing {
  readonly from: Exclude<FaultParty, 'any'>
  readonly to: Exclude<FaultParty, 'any'>
  readonly type: Message['type']
}

/** True when the rule fits the message. The rule's count is not considered. */
export function fits(rule: FaultRule, { from, to, type }: Passing): boolean {
  return (
    (rule.from === 'any' || rule.from === from) &&
    (rule.to === 'any' || rule.to === to) &&
    (rule.message === 'any' || rule.message === type)
  )
}

/** `drop accepted from server 1 to server 0`, `delay any message from clients to server 2 by 200 ms, 3 times`. */
export function ruleText({ action, message, from, to, delayMs, count }: FaultRule): string {
  const what = message === 'any' ? 'any message' : message
  const by = action === 'delay' ? ` by ${delayMs} ms` : ''
  const times = count === null ? '' : count === 1 ? ', once' : `, ${count} times`
  return `${action} ${what} from ${rulePartyText(from)} to ${rulePartyText(to)}${by}${times}`
}

/** `server 1`, `clients`, `any party`. */
export function rulePartyText(party: FaultParty): string {
  if (party === 'any') return 'any party'
  return party === 'client' ? 'clients' : `server ${party}`
}
