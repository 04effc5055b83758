// Which measurements are held against which of ours, and the least ratio that we mean to reach. A peer without a target
// is only shown; `atLeast` 1 says that it must never cost more than the peer.

const sdk3 = 'sdk 3.1'
const sdk2 = 'sdk 2.12'
const prometheus = '@prometheus-io/client'
const promClient = 'prom-client'

const all = (row, atLeast, aim) => ({
  ours: row,
  peers: [
    { contender: sdk3, row, atLeast, aim },
    { contender: sdk2, row },
    { contender: prometheus, row },
    { contender: promClient, row },
  ],
})
const neverCostlier = (row) => ({ ours: row, peers: [{ contender: sdk3, row, atLeast: 1 }] })

export const comparisons = [
  all('add, literal', 25, 40),
  all('add, 1000 series', 12, 20),
  all('add, no attributes', 20),
  {
    ours: 'add, bound',
    peers: [
      { contender: sdk3, row: 'add, literal', atLeast: 250 },
      { contender: prometheus, row: 'add, bound', atLeast: 100 },
      { contender: promClient, row: 'add, bound', atLeast: 100 },
    ],
  },
  all('histogram, literal', 20),
  {
    ours: 'histogram, bound',
    peers: [
      { contender: sdk3, row: 'histogram, literal', atLeast: 50 },
      { contender: prometheus, row: 'histogram, bound' },
      { contender: promClient, row: 'histogram, bound' },
    ],
  },
  {
    ours: 'exponential, bound',
    peers: [{ contender: sdk3, row: 'exponential, no attributes', atLeast: 5 }],
  },
  neverCostlier('add, eight shapes at one call site'),
  neverCostlier('add, dictionary-mode objects'),
  neverCostlier('add, strings built at run time'),
  neverCostlier('add, numbers and booleans as values'),
  neverCostlier('add, literal, exemplars on'),
  neverCostlier('add, literal, two views'),
]
