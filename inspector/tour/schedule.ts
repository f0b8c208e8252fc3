/** The tour as a schedule of the playground. Each step begins with its title as a note, by which it is found again. */
import type { Session } from '../playground/session.ts'
import { tourSteps } from './steps.ts'

/** All of it, as a transcript's commands. */
export const tourText = tourSteps.map(({ title, lines }) => `# ${title}\n${lines.join('\n')}\n`).join('')

/** Where a step begins and ends, as places in a session's path: it ends where the next one begins. */
export interface TourStretch {
  readonly begins: number
  readonly ends: number
}

/** Where each step is in what a session shows; `null` when it does not show the whole tour. */
export function tourStretches({ path }: Pick<Session, 'path'>): readonly TourStretch[] | null {
  const begins = tourSteps.map(({ title }) => path.findIndex(({ note }) => note.includes(title)))
  if (begins.some((place, step) => place === -1 || place < (begins[step - 1] ?? 0))) return null
  // The note stands at the first event of its step: the step begins at the place before that.
  const places = [...begins.map((place) => Math.max(0, place - 1)), path.length - 1]
  return tourSteps.map((_, step) => ({ begins: places[step]!, ends: places[step + 1]! }))
}

/** How long an event of the step is shown before the next one happens, in milliseconds: a long step is not told slowly. */
export function paceMs({ begins, ends }: TourStretch): number {
  return Math.min(900, Math.max(250, 10_000 / Math.max(1, ends - begins)))
}
