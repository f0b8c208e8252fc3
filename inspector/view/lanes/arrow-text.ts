/** The messages of the lanes in words. */
import type { Arrow, ArrowState } from '../../model/lanes.ts'
import { partyText } from '../../model/record-text.ts'

/** `accept 1.0 #4 from server 0 to server 1, lost: the link is cut`. */
export function arrowText(arrow: Arrow, state: ArrowState): string {
  return `${arrow.label}${arrow.isCopy ? ' (a further copy)' : ''} ${wayText(arrow)}, ${fateText(arrow, state)}`
}

/** `from server 0 to client a`. */
export function wayText({ from, to }: Pick<Arrow, 'from' | 'to'>): string {
  const [sender, receiver] = [from, to].map(partyText)
  return `from ${sender} to ${receiver}`
}

/** The fate of a message in words. */
export function fateText({ fate, reason }: Pick<Arrow, 'fate' | 'reason'>, state: ArrowState): string {
  const why = reason === null ? '' : `: ${reason}`
  switch (state) {
    case 'lost':
      return `lost${why}`
    case 'received':
      return fate === null ? 'received' : `${fate}${why}; received`
    case 'own':
      return 'received at once'
    case 'flying':
      return fate === null ? 'not received yet' : `${fate}${why}; not received yet`
    case 'unreceived':
      return 'not received: its receiver ended, or continued without it'
    case 'unknown':
      return 'not known: records of its receiver were left out'
    case 'unseen':
      return 'to a client that sends no records'
  }
  state satisfies never
  return ''
}
