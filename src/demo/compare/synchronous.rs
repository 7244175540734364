//! The order flow of services that call each other: the order service asks the payment service, then the notification
//! service, and answers when both have. A worker of it waits as long.

use super::http::{Caller, Instance, Serve};
use super::options::CompareOptions;
use crate::demo::ports::{start_again, start_on_a_port};
use crate::error::Result;
use bytes::Bytes;
use hyper::StatusCode;
use std::sync::Arc;
use std::time::Duration;

/// All instances of the three services.
pub(super) struct Synchronous {
    orders: Vec<Instance>,
    payments: Vec<Instance>,
    _notifications: Vec<Instance>,
    workers: usize,
    payment: Duration,
}

impl Synchronous {
    pub(super) async fn start(options: &CompareOptions, instances: usize) -> Result<Synchronous> {
        let workers = options.workers;
        let mut payments = Vec::new();
        for _ in 0..instances {
            // It will be away, and back where it was.
            let serve = working(options.payment);
            let start = |port| Instance::start(port, workers, Arc::clone(&serve));
            payments.push(start_on_a_port(start).await?);
        }
        let notifications = several(instances, workers, &working(options.notification)).await?;
        let downstream = Arc::new((Caller::new(&payments), Caller::new(&notifications)));
        let serve: Serve = Arc::new(move |order: Bytes| {
            let downstream = Arc::clone(&downstream);
            Box::pin(async move {
                let (payment, notification) = &*downstream;
                match payment.post(order.clone()).await && notification.post(order).await {
                    true => StatusCode::CREATED,
                    false => StatusCode::BAD_GATEWAY,
                }
            })
        });
        Ok(Synchronous {
            orders: several(instances, workers, &serve).await?,
            payments,
            _notifications: notifications,
            workers,
            payment: options.payment,
        })
    }

    /// Whoever sends orders.
    pub(super) fn caller(&self) -> Arc<Caller> {
        Arc::new(Caller::new(&self.orders))
    }

    /// Ends the payment service as kill -9 does; answers where it was.
    pub(super) fn stop_payment(&mut self) -> Vec<u16> {
        let stopped = std::mem::take(&mut self.payments);
        stopped.iter().map(|one| one.address.port()).collect()
    }

    /// Starts it again where it was.
    pub(super) async fn start_payment(&mut self, ports: &[u16]) -> Result<()> {
        let serve = working(self.payment);
        for port in ports {
            let start = || Instance::start(*port, self.workers, Arc::clone(&serve));
            let instance = start_again("the payment service", start).await?;
            self.payments.push(instance);
        }
        Ok(())
    }
}

/// A service that takes so long, and has no other task.
fn working(time: Duration) -> Serve {
    Arc::new(move |_| {
        Box::pin(async move {
            tokio::time::sleep(time).await;
            StatusCode::OK
        })
    })
}

async fn several(instances: usize, workers: usize, serve: &Serve) -> Result<Vec<Instance>> {
    let mut started = Vec::new();
    for _ in 0..instances {
        started.push(Instance::start(0, workers, Arc::clone(serve)).await?);
    }
    Ok(started)
}
