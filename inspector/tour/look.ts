import { useLayoutEffect } from 'preact/hooks'
import type { Look, TourPart } from './steps.ts'

/** Where the parts of the page are; a panel that is not open is found by its tab. */
const parts: Readonly<Record<TourPart, string>> = {
  lanes: 'section[aria-label="Messages"]',
  ledger: '[role=tab][id$="-ledger"]',
  queues: '[role=tab][id$="-queues"]',
  service: '[role=tab][id$="-service"]',
}

const mark = 'data-tour-look'

/** Marks what a step speaks of, wherever the page shows it, for as long as the tour is there. */
export function useLook(look: readonly Look[]): void {
  // After every drawing, since what is looked for comes and goes with it.
  useLayoutEffect(() => {
    const wanted = new Set(look.flatMap((one) => [...document.querySelectorAll(selectorOf(one))]))
    for (const element of document.querySelectorAll(`[${mark}]`)) {
      if (!wanted.has(element)) element.removeAttribute(mark)
    }
    for (const element of wanted) element.setAttribute(mark, '')
  })
  // The first of them is brought into view where a part of the page scrolls; once, since the reader may look elsewhere.
  useLayoutEffect(() => {
    const [first] = look
    if (first === undefined) return
    document.querySelector(selectorOf(first))?.scrollIntoView({ block: 'nearest', inline: 'nearest' })
  }, [look])
  useLayoutEffect(
    () => () => {
      for (const element of document.querySelectorAll(`[${mark}]`)) element.removeAttribute(mark)
    },
    [],
  )
}

function selectorOf(look: Look): string {
  return look.kind === 'state' ? `.chart-box[data-state="${look.id}"]` : parts[look.part]
}
