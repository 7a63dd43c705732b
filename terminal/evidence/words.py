"""The text that lies in every capsule, for whoever opens it without this program."""

from typing import Final

README: Final = """\
医保结算证据包 / Evidence of one medical-insurance settlement

本包含有姓名和证件号明文，请勿外传。
This file holds names and identity numbers in clear: do not pass it on.

验证（需要 OpenSSL 3）：在本文件夹内运行 sh verify.sh，全部命令成功即通过。
To verify (OpenSSL 3 is needed): run  sh verify.sh  in this folder; every command must succeed.

messages/    每条会改变医保平台的报文：发送的原始字节、被签名的字节、签名、平台的应答
             every message that could change the hub: exact bytes sent, bytes signed, signature, the hub's answer
  *.body     报文原文 / the message as it was on the wire
  *.signed   签名覆盖的字节 / the bytes that the signature covers
             请求 request: msgid LF infno LF inf_time LF input
             应答 answer:  msgid of the request LF infcode LF inf_refmsgid LF err_msg LF output
             （manifest.json 中 covered 为 input-only 时只有 input 或 output；"covered": "input-only" = input or output alone）
  *.der      签名，供 OpenSSL 使用 / signature for OpenSSL
  *.raw      签名 r||s，与报文 cainfo 的 Base64 相同 / signature as in `cainfo`, decoded from Base64
keys/        双方公钥（SM2）；请向医保部门核对平台公钥 / public keys (SM2); have the hub's confirmed by the insurance office
             更换密钥前签署的报文另有 terminal-编号.pem、hub-编号.pem
             messages from before a change of keys have a terminal-ID.pem or hub-ID.pem of their own
chain/       本单的审计记录：前 32 字节为上一条的哈希，其余为记录；整个文件的 SM3 即本条哈希
             audit records of this sale: 32 bytes hash of the record before, then the record; the SM3 of the file is its hash
manifest.json  目录；verified 为 false 的签名没有通过验证，verify.sh 中也没有它的命令
             contents; a signature with "verified": false did not verify and has no command in verify.sh
"""
