/** The charts in the documents are drawn from the machines: this fails when somebody changed one and not the other. */
import { expect, test } from 'vitest'
import { chartDocument, documents } from '../scripts/charts.ts'

const names = ['acceptor', 'proposer', 'learner', 'requestQueue', 'client', 'node']

test.each(documents)('%s is what the machines say; if not, run: npm run charts', (path) => {
  const { present, wanted } = chartDocument(path)
  expect(present).toBe(wanted)
})

test.each(names)('%s has its chart and its states', (name) => {
  expect(chartDocument('ARCHITECTURE.md').present).toContain(`<!-- chart:${name} -->\n\n\`\`\`mermaid`)
  expect(chartDocument('machines/README.md').present).toContain(`<!-- states:${name} -->\n\n| state |`)
})

test('a chart has every state, and every arrow with what it takes', () => {
  const { wanted } = chartDocument('ARCHITECTURE.md')
  expect(wanted).toContain('preparing --> adopting : promise [completesPromises]')
  expect(wanted).toContain('adopting --> accepting_helping : at once [somethingMayBeChosen]')
  expect(wanted).toContain('preparing --> preparing : after retransmitInterval')
  expect(wanted).toContain('any --> halted : node.failed')
})
