//! A topic of a client, for messages without headers.
//!
//! rust-rdkafka looks a topic up by its name for each message, and allocates the name. That takes a third of the time of
//! the hand-over, and a batch that is handed over too slowly is split in two.
#![allow(unsafe_code, reason = "rust-rdkafka has no safe way to produce to a topic's handle")]

use std::ffi::CString;
use std::ptr;
use std::sync::Arc;

use rdkafka::bindings::{
    RD_KAFKA_MSG_F_COPY, rd_kafka_producev, rd_kafka_topic_destroy, rd_kafka_topic_new, rd_kafka_topic_t,
    rd_kafka_vtype_t,
};
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::producer::{BaseProducer, Producer};

use super::context::Callbacks;

/// A topic of a client.
pub(super) struct TopicHandle {
    /// Never null, and valid as long as the producer.
    topic: *mut rd_kafka_topic_t,
    producer: Arc<BaseProducer<Callbacks>>,
}

// SAFETY: librdkafka's handles may be used from any thread.
unsafe impl Send for TopicHandle {}

/// A message without headers.
pub(super) struct Plain<'b> {
    pub(super) partition: Option<i32>,
    /// In milliseconds since the Unix epoch.
    pub(super) time_ms: i64,
    pub(super) key: Option<&'b [u8]>,
    pub(super) payload: &'b [u8],
    /// What its report carries.
    pub(super) opaque: usize,
}

impl TopicHandle {
    /// `None` if librdkafka does not know such a topic's name.
    pub(super) fn new(producer: &Arc<BaseProducer<Callbacks>>, name: &str) -> Option<Self> {
        let name = CString::new(name).ok()?;
        // SAFETY: the client and the name are valid; without a configuration the client's own is used.
        let topic = unsafe { rd_kafka_topic_new(producer.client().native_ptr(), name.as_ptr(), ptr::null_mut()) };
        (!topic.is_null()).then(|| Self { topic, producer: Arc::clone(producer) })
    }

    /// Hands a message to the client, which copies it.
    ///
    /// # Errors
    /// Why the client does not take it.
    pub(super) fn send(&self, message: &Plain<'_>) -> Result<(), RDKafkaErrorCode> {
        use rd_kafka_vtype_t as Type;
        let Plain { partition, time_ms, key, payload, opaque } = *message;
        let (key, key_bytes) = key.map_or((ptr::null(), 0), |key| (key.as_ptr(), key.len()));
        // SAFETY: each type is followed by the values that librdkafka documents for it; payload and key are copied, and
        // the opaque value is a number to the callback, as rust-rdkafka passes it.
        let code = unsafe {
            rd_kafka_producev(
                self.producer.client().native_ptr(),
                Type::RD_KAFKA_VTYPE_RKT,
                self.topic,
                Type::RD_KAFKA_VTYPE_PARTITION,
                partition.unwrap_or(-1),
                Type::RD_KAFKA_VTYPE_MSGFLAGS,
                RD_KAFKA_MSG_F_COPY,
                Type::RD_KAFKA_VTYPE_VALUE,
                payload.as_ptr(),
                payload.len(),
                Type::RD_KAFKA_VTYPE_KEY,
                key,
                key_bytes,
                Type::RD_KAFKA_VTYPE_TIMESTAMP,
                time_ms,
                Type::RD_KAFKA_VTYPE_OPAQUE,
                ptr::without_provenance::<u8>(opaque),
                Type::RD_KAFKA_VTYPE_END,
            )
        };
        match RDKafkaErrorCode::from(code) {
            RDKafkaErrorCode::NoError => Ok(()),
            error => Err(error),
        }
    }
}

impl Drop for TopicHandle {
    fn drop(&mut self) {
        // SAFETY: the handle is this value's own, and the client still lives.
        unsafe { rd_kafka_topic_destroy(self.topic) }
    }
}
