/** The texts of a chart. */
import type { ChartName, DrawnEdge, Span } from './drawing.ts'

export const chartTitles: Readonly<Record<ChartName, string>> = {
  proposer: 'Proposer',
  acceptor: 'Acceptor',
  learner: 'Learner',
  requestQueue: 'Request queue',
  timekeeper: 'Timekeeper',
  auditor: 'Auditor',
  reader: 'Reader',
  client: 'Client',
}

/** The last of several alternatives, which has no guard. */
export function isElse({ guard, index }: DrawnEdge): boolean {
  return guard === null && index > 0
}

/** `accepted`, `after backoff`, `at once`. */
export function triggerWords({ trigger }: DrawnEdge): string {
  switch (trigger.kind) {
    case 'event':
      return trigger.name
    case 'delay':
      return `after ${trigger.name}`
    case 'always':
      return 'at once'
  }
  trigger satisfies never
}

/** `[quorumHasAnswered]`, `[else]`, or nothing. */
export function guardWords(edge: DrawnEdge): string {
  if (edge.guard !== null) return `[${edge.guard}]`
  return isElse(edge) ? '[else]' : ''
}

/** The label of an arrow: `accepted [completesAccepts]`. An eventless transition has only its guard, if any. */
export function labelSpans(edge: DrawnEdge): readonly Span[] {
  const guard = guardWords(edge)
  const trigger = edge.trigger.kind === 'always' && guard !== '' ? '' : triggerWords(edge)
  return [...span('trigger', trigger), ...span('guard', guard)]
}

/** The names of the actions of an edge that stays in its state; or a word for an edge without actions. */
export function doneWords({ actions, reenters }: DrawnEdge): string {
  if (actions.length > 0) return actions.join(', ')
  return reenters ? 'begins again' : 'ignored'
}

/** An edge in one line: `accepted [completesAccepts] / recordChosen, notifyChosen`. */
export function edgeWords(edge: DrawnEdge): string {
  const done = edge.to === null || edge.actions.length > 0 ? ` / ${doneWords(edge)}` : ''
  return `${[triggerWords(edge), guardWords(edge)].filter((word) => word !== '').join(' ')}${done}`
}

/** A span, or nothing for an empty text. */
export function span(kind: Span['kind'], text: string): readonly Span[] {
  return text === '' ? [] : [{ kind, text }]
}
