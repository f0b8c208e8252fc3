/** The tour as a schedule of the playground. Each step begins with its title as a note, which identifies the step. */
import type { Session } from '../playground/session.ts'
import { tourSteps } from './steps.ts'

/** The whole tour as commands of a transcript. */
export const tourText = tourSteps.map(({ title, lines }) => `# ${title}\n${lines.join('\n')}\n`).join('')

/** The places in a session's path where a step begins and ends. It ends where the next one begins. */
export interface TourStretch {
  readonly begins: number
  readonly ends: number
}

/** The places of all steps in a session; `null` when the session does not hold the whole tour. */
export function tourStretches({ path }: Pick<Session, 'path'>): readonly TourStretch[] | null {
  const begins = tourSteps.map(({ title }) => path.findIndex(({ note }) => note.includes(title)))
  if (begins.some((place, step) => place === -1 || place < (begins[step - 1] ?? 0))) return null
  // The note is at the first event of its step, so the step begins one place before it.
  const places = [...begins.map((place) => Math.max(0, place - 1)), path.length - 1]
  return tourSteps.map((_, step) => ({ begins: places[step]!, ends: places[step + 1]! }))
}

/** How long each event of the step is shown, in milliseconds. Events of a long step follow each other faster. */
export function paceMs({ begins, ends }: TourStretch): number {
  return Math.min(900, Math.max(250, 10_000 / Math.max(1, ends - begins)))
}
