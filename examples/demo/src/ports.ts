/** Wished for, not insisted on. All are below the range from which the system gives ports to clients. */
export const SHOP_PORT = 18080
/** The port that Prometheus exporters have by convention. */
export const METRICS_PORT = 9464
export const SLUICE_RECEIVER_PORT = 14318
export const STOCK_RECEIVER_PORT = 14319
