/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The protocol numbers of IKEv2 that this engine speaks or must recognise.
 * Registries: IANA "Internet Key Exchange Version 2 (IKEv2) Parameters"; the
 * section given is that of RFC 7296 unless another RFC is named.
 */
#ifndef TACIT_IKE_NUMBER_H
#define TACIT_IKE_NUMBER_H

#define IKE_VERSION	 0x20u /* 3.1: major 2, minor 0 */
#define IKE_HEADER_LEN	 28u   /* 3.1 */
#define IKE_GENERIC_LEN	 4u    /* 3.2 */
#define IKE_FRAGMENT_LEN 4u    /* RFC 7383 2.5: number and total */
/* 3.1: where the header has the type of the first payload. */
#define IKE_NEXT_PAYLOAD_AT 16u
#define IKE_EXCHANGE_AT	    18u

enum ike_exchange { /* 3.1 */
		    IKE_EXCHANGE_SA_INIT = 34,
		    IKE_EXCHANGE_AUTH = 35,
		    IKE_EXCHANGE_CREATE_CHILD_SA = 36,
		    IKE_EXCHANGE_INFORMATIONAL = 37,
};

enum ike_flag { /* 3.1 */
		IKE_FLAG_INITIATOR = 0x08,
		IKE_FLAG_VERSION = 0x10,
		IKE_FLAG_RESPONSE = 0x20,
};

enum ike_payload_type { /* 3.2 */
			IKE_PAYLOAD_NONE = 0,
			IKE_PAYLOAD_SA = 33,
			IKE_PAYLOAD_KE = 34,
			IKE_PAYLOAD_IDI = 35,
			IKE_PAYLOAD_IDR = 36,
			IKE_PAYLOAD_CERT = 37,
			IKE_PAYLOAD_CERTREQ = 38,
			IKE_PAYLOAD_AUTH = 39,
			IKE_PAYLOAD_NONCE = 40,
			IKE_PAYLOAD_NOTIFY = 41,
			IKE_PAYLOAD_DELETE = 42,
			IKE_PAYLOAD_VENDOR = 43,
			IKE_PAYLOAD_TSI = 44,
			IKE_PAYLOAD_TSR = 45,
			IKE_PAYLOAD_SK = 46,
			IKE_PAYLOAD_CP = 47,
			IKE_PAYLOAD_EAP = 48,
			IKE_PAYLOAD_SKF = 53, /* RFC 7383 */
};

enum ike_protocol { /* 3.3.1 */
		    IKE_PROTOCOL_NONE = 0,
		    IKE_PROTOCOL_IKE = 1,
		    IKE_PROTOCOL_AH = 2,
		    IKE_PROTOCOL_ESP = 3,
};

enum ike_transform_type { /* 3.3.2 */
			  IKE_TRANSFORM_ENCR = 1,
			  IKE_TRANSFORM_PRF = 2,
			  IKE_TRANSFORM_INTEG = 3,
			  IKE_TRANSFORM_KE = 4,
			  IKE_TRANSFORM_SN = 5,
};

enum ike_encr_id { /* 3.3.2; RFC 3602, RFC 5282, RFC 7634 */
		   IKE_ENCR_AES_CBC = 12,
		   IKE_ENCR_AES_GCM_16 = 20,
		   IKE_ENCR_CHACHA20_POLY1305 = 28,
};

enum ike_prf_id { /* 3.3.2; RFC 4868 */
		  IKE_PRF_HMAC_SHA2_256 = 5,
		  IKE_PRF_HMAC_SHA2_384 = 6,
		  IKE_PRF_HMAC_SHA2_512 = 7,
};

enum ike_ke_id { /* 3.3.2; RFC 3526, RFC 5903, RFC 8031 */
		 IKE_KE_NONE = 0,
		 IKE_KE_MODP_2048 = 14,
		 IKE_KE_MODP_3072 = 15,
		 IKE_KE_P256 = 19,
		 IKE_KE_P384 = 20,
		 IKE_KE_P521 = 21,
		 IKE_KE_X25519 = 31,
		 IKE_KE_X448 = 32,
};

enum ike_integ_id { /* 3.3.2; RFC 4868 */
		    IKE_INTEG_NONE = 0,
		    IKE_INTEG_HMAC_SHA2_256_128 = 12,
		    IKE_INTEG_HMAC_SHA2_384_192 = 13,
		    IKE_INTEG_HMAC_SHA2_512_256 = 14,
};

enum ike_sn_id { /* 3.3.2; renamed "Sequence Numbers" by RFC 9827 */
		 IKE_SN_32BIT = 0,
		 IKE_SN_ESN = 1,
};

enum ike_attribute { /* 3.3.5 */
		     IKE_ATTRIBUTE_KEY_LENGTH = 14,
};

enum ike_id_type { /* 3.5; RFC 7619 */
		   IKE_ID_IPV4 = 1,
		   IKE_ID_FQDN = 2,
		   IKE_ID_RFC822 = 3,
		   IKE_ID_IPV6 = 5,
		   IKE_ID_DN = 9,
		   IKE_ID_KEY_ID = 11,
		   IKE_ID_NULL = 13,
};

enum ike_cert_encoding { /* 3.6; RFC 7670 */
			 IKE_CERT_RAW_KEY = 15,
};

enum ike_ts_type { /* 3.13.1 */
		   IKE_TS_IPV4 = 7,
		   IKE_TS_IPV6 = 8,
};

/* 3.10.1; below IKE_NOTIFY_STATUS they are errors. */
enum ike_notify_type {
	IKE_NOTIFY_NONE = 0,
	IKE_NOTIFY_UNSUPPORTED_CRITICAL_PAYLOAD = 1,
	IKE_NOTIFY_INVALID_IKE_SPI = 4,
	IKE_NOTIFY_INVALID_MAJOR_VERSION = 5,
	IKE_NOTIFY_INVALID_SYNTAX = 7,
	IKE_NOTIFY_NO_PROPOSAL_CHOSEN = 14,
	IKE_NOTIFY_INVALID_KE_PAYLOAD = 17,
	IKE_NOTIFY_AUTHENTICATION_FAILED = 24,
	IKE_NOTIFY_SINGLE_PAIR_REQUIRED = 34,
	IKE_NOTIFY_NO_ADDITIONAL_SAS = 35,
	IKE_NOTIFY_INTERNAL_ADDRESS_FAILURE = 36,
	IKE_NOTIFY_FAILED_CP_REQUIRED = 37,
	IKE_NOTIFY_TS_UNACCEPTABLE = 38,
	IKE_NOTIFY_TEMPORARY_FAILURE = 43,
	IKE_NOTIFY_CHILD_SA_NOT_FOUND = 44,
	IKE_NOTIFY_STATUS = 16384,
	IKE_NOTIFY_INITIAL_CONTACT = 16384,
	IKE_NOTIFY_NAT_DETECTION_SOURCE_IP = 16388,
	IKE_NOTIFY_NAT_DETECTION_DESTINATION_IP = 16389,
	IKE_NOTIFY_COOKIE = 16390,
	IKE_NOTIFY_USE_TRANSPORT_MODE = 16391,
	IKE_NOTIFY_REKEY_SA = 16393,
	IKE_NOTIFY_FRAGMENTATION_SUPPORTED = 16430,   /* RFC 7383 */
	IKE_NOTIFY_SIGNATURE_HASH_ALGORITHMS = 16431, /* RFC 7427 */
	IKE_NOTIFY_SUPPORTED_AUTH_METHODS = 16443,    /* RFC 9593 */
	IKE_NOTIFY_NULL_AUTH = 40960, /* private, of libreswan */
};

#endif
