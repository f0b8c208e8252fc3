/** What the lanes say in words. */
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

/** What became of a message. */
export function fateText({ fate, reason }: Pick<Arrow, 'fate' | 'reason'>, state: ArrowState): string {
  const why = reason === null ? '' : `: ${reason}`
  switch (state) {
    case 'lost':
      return `lost${why}`
    case 'heard':
      return fate === null ? 'heard' : `${fate}${why}; heard`
    case 'own':
      return 'heard at once'
    case 'flying':
      return fate === null ? 'not heard yet' : `${fate}${why}; not heard yet`
    case 'unheard':
      return 'not heard of: its receiver ended, or went on without it'
    case 'unknown':
      return 'not known: records of its receiver were left out'
    case 'unseen':
      return 'to a client that tells nothing'
  }
  state satisfies never
  return ''
}
