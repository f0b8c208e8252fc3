import { useLayoutEffect } from 'preact/hooks'
import type { Look, TourPart } from './steps.ts'

/** The parts of the page. A panel that is not open is found by its tab. */
const parts: Readonly<Record<TourPart, string>> = {
  lanes: 'section[aria-label="Messages"]',
  ledger: '[role=tab][id$="-ledger"]',
  queues: '[role=tab][id$="-queues"]',
  service: '[role=tab][id$="-service"]',
}

const mark = 'data-tour-look'

/** Marks the parts that a step refers to, while the tour is shown. */
export function useLook(look: readonly Look[]): void {
  // After every drawing, because elements may appear and disappear.
  useLayoutEffect(() => {
    const wanted = new Set(look.flatMap((one) => [...document.querySelectorAll(selectorOf(one))]))
    for (const element of document.querySelectorAll(`[${mark}]`)) {
      if (!wanted.has(element)) element.removeAttribute(mark)
    }
    for (const element of wanted) element.setAttribute(mark, '')
  })
  // Scrolls the first of them into view, once, because the reader may scroll away.
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
