/** The charts in the documents are drawn from the machines: this fails when somebody changed one and not the other. */
import { expect, test } from 'vitest'
import { boundsDocument } from '../scripts/bounds-table.ts'
import { chartDocument, chartStates, documents } from '../scripts/charts.ts'

const names = [
  'acceptor',
  'proposer',
  'learner',
  'requestQueue',
  'timekeeper',
  'auditor',
  'reader',
  'client',
  'lease',
  'node',
]

test.each(documents)('%s is what the machines say; if not, run: npm run charts', (path) => {
  const { present, wanted } = chartDocument(path)
  expect(present).toBe(wanted)
})

test('docs/verification.md has what the searches found; if not, run: npm run charts', () => {
  const { present, wanted } = boundsDocument()
  expect(present).toBe(wanted)
  expect(present).toMatch(/\| single \| .* \| [\d,]{5,} \| \d+ \|/)
})

test.each(names)('%s has its chart and its states', (name) => {
  expect(chartDocument('docs/charts.md').present).toContain(`<!-- chart:${name} -->\n\n\`\`\`mermaid`)
  expect(chartDocument('machines/README.md').present).toContain(`<!-- states:${name} -->\n\n| state |`)
})

test('a chart has every state, and every arrow with what it takes', () => {
  const { wanted } = chartDocument('docs/charts.md')
  expect(wanted).toContain('preparing --> adopting : promise [completesPromises]')
  expect(wanted).toContain('adopting --> accepting_helping : at once [somethingMayBeChosen]')
  expect(wanted).toContain('preparing --> preparing : after retransmitInterval')
  expect(wanted).toContain('any --> halted : node.failed')
})

/** The rows of the table that says what ends each wait: chart, state, what it waits for, and what ends that. */
const waits = chartDocument('machines/README.md')
  .present.split('\n')
  .flatMap((line) => {
    const [, chart, state, waitsFor, end] = /^\| (\w+) \| `([\w.]+)` \| (.+) \| (.+) \|$/.exec(line) ?? []
    return chart === undefined ? [] : [{ chart, state, waitsFor, end }]
  })

test('the table of what ends each wait has every state, and no other', () => {
  expect(waits.map(({ chart, state }) => `${chart} ${state}`)).toEqual(
    chartStates.map(({ chart, state }) => `${chart} ${state}`),
  )
})

test.each(
  chartStates.map(({ chart, state, delays }) => [`${chart} ${state}`, delays] as const),
)('the table of what ends each wait names the delays of %s', (name, delays) => {
  const row = waits.find(({ chart, state }) => `${chart} ${state}` === name)
  for (const delay of delays) expect(row?.end).toContain(`\`${delay}\``)
  if (row?.waitsFor?.startsWith('nobody')) expect(delays).toEqual([])
})
