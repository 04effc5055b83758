/** What Prometheus 2.42 says that it accepts when it does not read native histograms. */
const OPENMETRICS_FIRST =
  'application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,' +
  'text/plain;version=0.0.4;q=0.5,*/*;q=0.1'

/** A way for a Prometheus to read an endpoint. */
export interface Protocol {
  readonly name: 'text' | 'OpenMetrics' | 'protobuf'
  /** What is put in place of what a Prometheus that reads native histograms accepts; that is protobuf first. */
  readonly accept?: string
  /** What the endpoint has to answer then. */
  readonly contentType: RegExp
  readonly hasUnits: boolean
  readonly hasExemplars: boolean
  readonly hasNativeHistograms: boolean
  /** The name that types and units of a counter are known by. */
  readonly counterFamily: (sampleName: string) => string
}

export const PROTOCOLS: readonly Protocol[] = [
  {
    name: 'text',
    accept: 'text/plain;version=0.0.4',
    contentType: /^text\/plain; ?version=0\.0\.4/,
    hasUnits: false,
    hasExemplars: false,
    hasNativeHistograms: false,
    counterFamily: (name) => name,
  },
  {
    name: 'OpenMetrics',
    accept: OPENMETRICS_FIRST,
    contentType: /^application\/openmetrics-text; ?version=1\.0\.0/,
    hasUnits: true,
    hasExemplars: true,
    hasNativeHistograms: false,
    counterFamily: (name) => name.replace(/_total$/, ''),
  },
  {
    name: 'protobuf',
    contentType: /^application\/vnd\.google\.protobuf; ?proto=io\.prometheus\.client\.MetricFamily/,
    // Prometheus 2.42 knows no field for them.
    hasUnits: false,
    hasExemplars: true,
    hasNativeHistograms: true,
    counterFamily: (name) => name,
  },
]
